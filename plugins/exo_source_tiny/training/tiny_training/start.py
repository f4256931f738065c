"""How does a model with other tokens start from what an earlier one learned?

All matrices are taken over. A token that the earlier tokenizer has too keeps its embedding; any other begins with the
mean of the embeddings of the tokens into which the earlier one cuts its text, with a space before it and without, and
the marks of tools with the fresh ones.
"""

from __future__ import annotations

from pathlib import Path

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from tiny_training.network import PROBE, Weights
from tiny_training.tools import TOOL_TOKENS


def start_weights(fresh: Weights, folder: Path, tokenizer: Tokenizer) -> Weights:
    """The weights of an exported model, its embeddings rearranged for `tokenizer`."""
    arrays = load_file(folder / "model.safetensors")
    earlier = Tokenizer.from_file(str(folder / "tokenizer.json"))
    embeddings = np.array(fresh["embed_tokens"])
    for token, token_id in tokenizer.get_vocab().items():
        if earlier.token_to_id(token) is not None or token not in TOOL_TOKENS:
            embeddings[token_id] = _embedding(token, arrays["model.embed_tokens.weight"], earlier)
    taken = {name: jnp.asarray(_matrix(arrays, name)) for name in fresh if name not in {"embed_tokens", PROBE}}
    return {**fresh, **taken, "embed_tokens": jnp.asarray(embeddings)}


def _matrix(arrays: dict[str, NDArray[np.float32]], name: str) -> NDArray[np.float32]:
    value = arrays[f"model.{name}.weight"]
    return value.T if name.endswith("_proj") else value


def _embedding(token: str, embeddings: NDArray[np.float32], earlier: Tokenizer) -> NDArray[np.float32]:
    same = earlier.token_to_id(token)
    if same is not None:
        return embeddings[same]
    text = token.replace("Ġ", " ")
    pieces = earlier.encode_batch([text, f" {text.lstrip()}"], add_special_tokens=False)
    return np.mean([embeddings[each.ids].mean(axis=0) for each in pieces], axis=0)
