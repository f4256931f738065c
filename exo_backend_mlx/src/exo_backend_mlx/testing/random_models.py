"""Small models with random weights, for tests of this package and of others: a real folder, as a source would fetch it.

write_random_model(tmp_path, architecture="qwen3", layers=4)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, cast

import mlx.core as mx

from exo_backend_mlx.mlx_lm_facade import models as mlx_lm
from exo_backend_mlx.mlx_lm_facade.quantization import quantized_weights
from exo_backend_mlx.model_config import Config
from exo_backend_mlx.testing.architecture_configs import random_config
from exo_backend_mlx.testing.chat_styles import CHAT_STYLES, ChatStyle, ChatStyleName
from exo_backend_mlx.testing.syllable_tokenizer import write_syllable_tokenizer
from exo_core.frozen import JsonValue

StoredType = Literal["float32", "bfloat16", "float16"]

END_OF_TEXT, START_OF_TURN, END_OF_TURN = "<|end|>", "<|start|>", "<|turn|>"
_SPECIAL = (END_OF_TEXT, START_OF_TURN, END_OF_TURN)
_TOKENIZER_SETTINGS: dict[str, object] = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "eos_token": END_OF_TURN,
    "clean_up_tokenization_spaces": False,
}
_TEXT = (
    "The quick brown fox jumps over the lazy dog. Two machines share one model, and each computes a part of it.",
    "What is 17 + 25? The answer is 42. Zürich, naïve, façade, 東京, 🦊 and ½ need more than one byte each.",
    "Hello! How are you today? I am well, thank you. Once upon a time there was a small house at the edge of a wood.",
)


def write_random_model(
    folder: Path,
    *,
    architecture: str = "llama",
    layers: int = 4,
    hidden: int = 64,
    vocabulary: int = 384,
    seed: int = 0,
    stored: StoredType = "float32",
    bits: int | None = None,
    group_size: int = 32,
    mode: str = "affine",
    overrides: Mapping[str, JsonValue] | None = None,
    tokenizer: Literal["trained", "syllables"] = "trained",
    chat: ChatStyleName = "plain",
) -> Path:
    """Write config, weights, tokenizer and chat template of a random model into `folder`, and give it back.

    `bits` quantizes linear layers and embedding as mlx-lm does, in groups of `group_size`. `overrides` are laid over
    the config. The weights are wide enough for greedy text to vary from token to token. A `trained` tokenizer knows the
    first few hundred ids, one of `syllables`, whose chat is plain, all of them (see `syllable_tokenizer`). `chat` is
    how it is talked to and calls tools (see `chat_styles`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    if tokenizer == "syllables":
        write_syllable_tokenizer(folder, vocabulary, _SPECIAL, _settings(CHAT_STYLES["plain"]))
    else:
        write_tokenizer(folder, vocabulary, CHAT_STYLES[chat])
    config = random_config(architecture, layers=layers, hidden=hidden, vocabulary=vocabulary) | dict(overrides or {})
    weights = dict(_random_weights(config, seed, stored))
    if bits is not None:
        config["quantization"] = {"group_size": group_size, "bits": bits, "mode": mode}
        weights = quantized_weights(mlx_lm.build_model(config), config, weights)
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    cast("Any", mx).save_safetensors(str(folder / "model.safetensors"), weights, {"format": "mlx"})
    return folder


def write_tokenizer(folder: Path, vocabulary: int, chat: ChatStyle) -> None:
    """A byte-level BPE tokenizer of at most `vocabulary` tokens with a chat template; `<|end|>` and `<|turn|>` end."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = cast("Any", Tokenizer)(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = cast("Any", trainers).BpeTrainer(
        vocab_size=vocabulary - len(chat.added),
        special_tokens=list(_SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_TEXT, trainer)
    for token, is_special in chat.added.items():
        added = cast("Any", AddedToken)(token, special=is_special, normalized=False)
        tokenizer.add_special_tokens([added]) if is_special else tokenizer.add_tokens([added])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(_settings(chat)))


def _settings(chat: ChatStyle) -> dict[str, object]:
    return {**_TOKENIZER_SETTINGS, "chat_template": chat.template}


def _random_weights(config: Config, seed: int, stored: StoredType) -> Iterator[tuple[str, mx.array]]:
    """Normal weights; those of one dimension (norms, biases) lie around what the architecture starts them with."""
    keys = mx.random.split(mx.random.key(seed), 2**12)
    model = mlx_lm.build_model(config)
    for index, (name, weight) in enumerate(sorted(mlx_lm.parameters(model).items())):
        noise = mx.random.normal(weight.shape, key=keys[index])
        value = weight + 0.1 * noise if weight.ndim == 1 else noise * 1.5 * weight.shape[-1] ** -0.5
        yield name, value.astype(getattr(mx, stored))
