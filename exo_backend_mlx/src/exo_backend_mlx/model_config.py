"""What a model's JSON files say: its configuration, where its answers end, how long a sequence may be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from exo_core.errors import ModelError
from exo_core.frozen import JsonValue

Config = dict[str, JsonValue]

_MODEL_TYPE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_CONTEXT_FIELDS = ("max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len", "seq_length")
_CONTEXT_WHEN_UNKNOWN = 4096


def read_config(folder: Path) -> Config:
    """`config.json`, with the end-of-answer ids of `generation_config.json` laid over it. Raises `ModelError`."""
    config = _read_object(folder / "config.json")
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or not _MODEL_TYPE.fullmatch(model_type):
        message = f"{folder / 'config.json'} names no model_type: it is not the config of a model in mlx-lm's format"
        raise ModelError(message)
    if "model_file" in config:
        message = f"{folder} wants to run code of its own ({config['model_file']}), which exo does not do"
        raise ModelError(message)
    generation = _read_object_if_any(folder / "generation_config.json")
    return config | {"eos_token_id": eos} if (eos := generation.get("eos_token_id")) is not None else config


def context_length(config: Mapping[str, JsonValue]) -> int:
    """The longest sequence in tokens that the model was made for."""
    for place in (config, _mapping(config.get("text_config"))):
        for field in _CONTEXT_FIELDS:
            value = place.get(field)
            if isinstance(value, int) and value > 0:
                return value
    return _CONTEXT_WHEN_UNKNOWN


def hidden_size(config: Mapping[str, JsonValue]) -> int:
    """The width of the hidden states; 0 if the config does not say it in the usual way."""
    value = config.get("hidden_size", _mapping(config.get("text_config")).get("hidden_size"))
    return value if isinstance(value, int) else 0


def end_token_ids(folder: Path, config: Mapping[str, JsonValue]) -> frozenset[int]:
    """The tokens that end an answer: those the config names and the tokenizer's own.

    Read from JSON alone, so that the last stage, which has no tokenizer, knows them as well as the first.
    """
    named = [config.get("eos_token_id"), _mapping(config.get("text_config")).get("eos_token_id")]
    ids = {token_id for value in named for token_id in _token_ids(value)}
    text = _token_text(_read_object_if_any(folder / "tokenizer_config.json").get("eos_token"))
    if text is not None:
        ids.update(_ids_of_text(_read_object_if_any(folder / "tokenizer.json"), text))
    return frozenset(ids)


def _read_object(path: Path) -> Config:
    try:
        content = cast("JsonValue", json.loads(path.read_bytes()))
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ModelError(message) from error
    except ValueError as error:
        message = f"{path} is not valid JSON: {error}"
        raise ModelError(message) from error
    if not isinstance(content, dict):
        message = f"{path} does not hold a JSON object"
        raise ModelError(message)
    return content


def _read_object_if_any(path: Path) -> Config:
    return _read_object(path) if path.exists() else {}


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _token_ids(value: JsonValue) -> Iterator[int]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, int) and not isinstance(item, bool):
            yield item


def _token_text(value: JsonValue) -> str | None:
    """`eos_token` is a string, or an object whose `content` is one."""
    content = _mapping(value).get("content", value)
    return content if isinstance(content, str) else None


def _ids_of_text(tokenizer: Config, text: str) -> Iterator[int]:
    added = tokenizer.get("added_tokens")
    for entry in added if isinstance(added, list) else []:
        if _mapping(entry).get("content") == text:
            yield from _token_ids(_mapping(entry).get("id"))
    vocabulary = _mapping(_mapping(tokenizer.get("model")).get("vocab"))
    yield from _token_ids(vocabulary.get(text))
