"""What rounding between two stages does to the logits of models with random weights.

    uv run python plugins/exo_bench/benchmarks/rounded_logits.py [--tokens 256]

Each model is cut in its middle and reads a text of random tokens in chunks; the logits after every token are compared
with those of exact states.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import cast, final

import mlx.core as mx
import numpy as np
from alternation import options
from numpy.typing import NDArray

from exo_backend_mlx.activations import from_activation, to_activation
from exo_backend_mlx.checkpoint import lazy_tensors
from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.model_config import hidden_size, read_config
from exo_backend_mlx.named_model import name_tensors
from exo_backend_mlx.partial_model import LayerRange, PartialModel
from exo_backend_mlx.preparation import prepare_mlx
from exo_backend_mlx.testing.benchmark_models import llama_134m
from exo_backend_mlx.testing.random_models import write_random_model
from exo_core.model_files.safetensors_headers import read_headers
from exo_engine.codecs import CodecName, decode, encode, smaller_codecs
from exo_engine.stage import Activation

CHUNK = 128


def there(codec: CodecName, states: Activation) -> Activation:
    """What the next stage gets."""
    used, data = encode(codec, states)
    return decode(used, Activation(states.dtype, states.shape, data))


@final
class RandomModel:
    """A model cut in its middle, whose logits are looked at."""

    def __init__(self, folder: Path) -> None:
        prepare_mlx()
        config = read_config(folder)
        self._width = hidden_size(config)
        layers = name_tensors(config, lazy_tensors(read_headers(folder)), "stored", None).layers
        self._halves = [
            self._part(folder, LayerRange(start, end, layers))
            for start, end in ((0, layers // 2), (layers // 2, layers))
        ]

    @staticmethod
    def _part(folder: Path, layers: LayerRange) -> PartialModel:
        named = name_tensors(read_config(folder), lazy_tensors(read_headers(folder)), "stored", None)
        return PartialModel(named.model, named.layout, layers)

    def logits(self, tokens: Sequence[int], codec: CodecName) -> tuple[str, NDArray[np.float32]]:
        """(type of the hidden states, logits of every token), read in chunks."""
        first, second = self._halves
        before, behind = first.caches(), second.caches()
        found, dtype = list[NDArray[np.float32]](), ""
        for at in range(0, len(tokens), CHUNK):
            part = mx.array([tokens[at : at + CHUNK]])
            hidden = first.hidden(part, before)
            evaluate(hidden)
            states = to_activation(hidden)
            dtype = states.dtype
            received = from_activation(
                there(codec, states), tokens=states.shape[0], hidden_size=self._width, computed=dtype
            )
            logits = second.logits(received, behind).astype(mx.float32)
            evaluate(logits)
            found.append(np.array(logits)[0])
        return dtype, np.concatenate(found)


def random_logits(name: str, folder: Path, tokens: int) -> None:
    """How far they are off."""
    model, chance = RandomModel(folder), random.Random(1)
    vocabulary = cast("int", read_config(folder)["vocab_size"])
    text = [chance.randrange(3, vocabulary) for _ in range(tokens)]
    dtype, exact = model.logits(text, "exact")
    for codec in smaller_codecs(dtype, hidden_size(read_config(folder))):
        _, rounded = model.logits(text, codec)
        off = np.abs(rounded - exact)
        same = float((rounded.argmax(axis=-1) == exact.argmax(axis=-1)).mean())
        print(
            f"{name}, {dtype}, {codec:8} off by {off.max():.3g} at most, {off.mean():.3g} on average "
            f"(logits spread {exact.std():.3g}); the likeliest token is the same for {same:.1%} of {tokens}",
            flush=True,
        )


def main() -> None:
    """Print a line for each model and codec."""
    chosen = options(__doc__, tokens=256).parse_args()
    with tempfile.TemporaryDirectory() as made:
        for architecture in ("llama", "qwen3", "gemma3_text"):
            folder = write_random_model(
                Path(made) / architecture, architecture=architecture, layers=8, hidden=256, seed=3
            )
            random_logits(f"{architecture}, 8 layers of 256", folder, chosen.tokens)
    for stored in ("float32", "bfloat16"):
        random_logits("llama, 134M", llama_134m(chosen.folder, stored), chosen.tokens)


if __name__ == "__main__":
    main()
