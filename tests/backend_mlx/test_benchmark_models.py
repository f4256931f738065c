"""The tokenizer of models that are measured: every id is a text, and a word of two syllables is one token."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from transformers import PreTrainedTokenizerFast

from exo_backend_mlx.testing.syllable_tokenizer import write_syllable_tokenizer

SPECIAL = ("<|end|>", "<|start|>")


def test_a_vocabulary_is_filled_to_its_last_id(tmp_path: Path) -> None:
    write_syllable_tokenizer(tmp_path, 30_000, SPECIAL, {"tokenizer_class": "PreTrainedTokenizerFast"})
    tokenizer = cast("Any", PreTrainedTokenizerFast).from_pretrained(tmp_path)
    assert len(tokenizer) == 30_000
    assert tokenizer.encode("baki lomu zuza", add_special_tokens=False) == tokenizer.convert_tokens_to_ids(
        ["baki", "\u0120lomu", "\u0120zuza"]
    )
    assert tokenizer.decode([29_999]).isalpha()
    assert tokenizer.decode(tokenizer.encode("Zürich, 17 + 25?", add_special_tokens=False)) == "Zürich, 17 + 25?"


def test_a_vocabulary_too_small_for_its_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="22000"):
        write_syllable_tokenizer(tmp_path, 22_000, SPECIAL, {})
