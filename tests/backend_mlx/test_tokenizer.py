"""The text side of a model: chat template, streaming text, end tokens."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from exo_backend_mlx.mlx_lm_facade.tokenizers import DecodeStream
from exo_backend_mlx.model_config import end_token_ids, read_config
from exo_backend_mlx.testing.random_models import END_OF_TURN, START_OF_TURN
from exo_backend_mlx.tokenizer import MlxTokenizer
from exo_core.errors import ModelError, RequestRefused
from exo_core.frozen import JsonValue
from exo_core.requests import ChatPrompt

ModelFolder = Callable[..., Path]
TEXTS = ["Hello, world!", " a  b\n\n c ", "Zürich 東京 🦊½👩‍👩‍👧 naïve", "", "1234567890", "<not a token>"]


@pytest.fixture(scope="module")
def folder(model_folder: ModelFolder) -> Path:
    return model_folder(architecture="llama", layers=1)


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> MlxTokenizer:
    return MlxTokenizer(folder, read_config(folder))


def said(*turns: tuple[str, JsonValue], **fields: object) -> ChatPrompt:
    messages = tuple({"role": role, "content": content} for role, content in turns)
    return ChatPrompt.model_validate({"messages": messages, **fields})


@pytest.mark.parametrize("text", TEXTS)
def test_text_comes_back(tokenizer: MlxTokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("text", TEXTS)
def test_streamed_text_is_the_text_and_never_shows_half_a_character(tokenizer: MlxTokenizer, text: str) -> None:
    detokenizer = tokenizer.detokenizer()
    pieces = [detokenizer.add(token_id) for token_id in tokenizer.encode(text)]
    assert "\ufffd" not in "".join(pieces)
    assert "".join(pieces) + detokenizer.finish() == text


def test_streamed_text_depends_on_the_ids_alone(tokenizer: MlxTokenizer) -> None:
    ids = tokenizer.encode("".join(TEXTS))
    first, second = tokenizer.detokenizer(), tokenizer.detokenizer()
    for token_id in ids:
        assert first.add(token_id) == second.add(token_id)


def test_bytes_that_are_no_character_end_no_text() -> None:
    """In a decoder that takes bytes together one that is broken changes those before it, which were given already."""
    tokenizer = byte_fallback_tokenizer()
    stream = DecodeStream(tokenizer)
    ids = [tokenizer.token_to_id(token) for token in ("<0x6D>", "<0xE8>", "▁a", "▁c")]
    assert [stream.step(token_id) for token_id in ids] == ["m", "", "\ufffd a", " c"]
    assert not stream.rest()


@given(st.lists(st.one_of(st.integers(1, 256), st.integers(257, 258)), max_size=30))
def test_any_ids_give_a_text_that_depends_on_them_alone(ids: list[int]) -> None:
    tokenizer = byte_fallback_tokenizer()
    streams = [DecodeStream(tokenizer) for _ in range(2)]
    texts = ["".join([stream.step(token_id) for token_id in ids]) + stream.rest() for stream in streams]
    assert texts[0] == texts[1]
    behind_the_first = sum(token_id > 256 for token_id in ids[1:])
    assert texts[0].count(" a") + texts[0].count(" c") >= behind_the_first


def byte_fallback_tokenizer() -> Any:
    """As SentencePiece models of Llama 2's kind have them: words, and a token for each byte."""
    library = cast("Any", tokenizers)
    tokens = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁a", "▁c"]
    vocabulary = {token: at for at, token in enumerate(tokens)}
    model = library.models.BPE(vocab=vocabulary, merges=[], byte_fallback=True, unk_token="<unk>")
    made = library.Tokenizer(model)
    parts = library.decoders
    made.decoder = parts.Sequence([parts.Replace("▁", " "), parts.ByteFallback(), parts.Fuse(), parts.Strip(" ", 1, 0)])
    return made


def test_an_incomplete_character_at_the_end_becomes_a_replacement(tokenizer: MlxTokenizer) -> None:
    ids = tokenizer.encode("ok 語")
    detokenizer = tokenizer.detokenizer()
    given = "".join(detokenizer.add(token_id) for token_id in ids[:-1])
    assert given.rstrip() == "ok"
    assert detokenizer.finish().strip() == "\ufffd"


def test_a_conversation_ends_where_the_assistant_begins(tokenizer: MlxTokenizer) -> None:
    ids = tokenizer.encode_chat(said(("system", "Be short."), ("user", "Hi")))
    words = [tokenizer.token_text(token_id) for token_id in ids]
    assert words.count(START_OF_TURN) == 3
    assert words.count(END_OF_TURN) == 2
    assert tokenizer.decode(ids) == "system\nBe short.\nuser\nHi\nassistant\n"


def test_a_trailing_assistant_message_is_continued(tokenizer: MlxTokenizer) -> None:
    ids = tokenizer.encode_chat(said(("user", "Hi"), ("assistant", "Hello th")))
    assert tokenizer.decode(ids).endswith("assistant\nHello th")
    assert tokenizer.token_text(ids[-1]) != END_OF_TURN


def test_text_parts_are_joined(tokenizer: MlxTokenizer) -> None:
    parts: JsonValue = [{"type": "text", "text": "Hi "}, {"type": "text", "text": "there"}]
    assert tokenizer.encode_chat(said(("user", parts))) == tokenizer.encode_chat(said(("user", "Hi there")))


def test_a_template_gets_its_arguments(folder: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(folder, tmp_path / "model"))
    settings = json.loads((copied / "tokenizer_config.json").read_text())
    settings["chat_template"] = "{{ mood }}{% for tool in tools %}{{ tool['name'] }}{% endfor %}"
    (copied / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer = MlxTokenizer(copied, read_config(copied))
    prompt = said(("user", "Hi"), tools=({"name": "clock"},), template_arguments={"mood": "calm "})
    assert tokenizer.decode(tokenizer.encode_chat(prompt)) == "calm clock"


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        (said(), "chat_template_refused"),
        (said(("user", [{"type": "image_url", "image_url": {"url": "x"}}])), "unsupported_content"),
        (said(("user", "Hi"), template_arguments={"tokenize": True}), "invalid_template_argument"),
        (said(("user", "Hi"), template_arguments={"chat_template": "{{ 1 }}"}), "invalid_template_argument"),
    ],
)
def test_what_the_template_cannot_take_is_a_400(tokenizer: MlxTokenizer, prompt: ChatPrompt, code: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        tokenizer.encode_chat(prompt)
    assert (refused.value.status, refused.value.code) == (400, code)


def test_without_a_template_there_is_no_chat(folder: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(folder, tmp_path / "model"))
    settings = json.loads((copied / "tokenizer_config.json").read_text())
    del settings["chat_template"]
    (copied / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(RequestRefused, match="no chat template"):
        MlxTokenizer(copied, read_config(copied)).encode_chat(said(("user", "Hi")))


def test_both_stages_know_the_same_end_tokens(folder: Path, tokenizer: MlxTokenizer) -> None:
    """The head asks its tokenizer, the tail reads JSON: config.json says 0, tokenizer_config.json `<|turn|>`."""
    assert tokenizer.eos_token_ids == end_token_ids(folder, read_config(folder)) == {0, 2}


def test_generation_config_names_end_tokens_too(folder: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(folder, tmp_path / "model"))
    (copied / "generation_config.json").write_text(json.dumps({"eos_token_id": [7, 9]}))
    assert end_token_ids(copied, read_config(copied)) == {2, 7, 9}


def test_ids_are_below_the_rows_of_the_embedding(tokenizer: MlxTokenizer) -> None:
    assert tokenizer.vocabulary_size == 384


def test_a_config_that_transformers_refuses_does_not_matter(folder: Path, tmp_path: Path) -> None:
    """mlx-lm takes it; only the guess of the tokenizer's class, which tokenizer_config.json names, would need it."""
    copied = Path(shutil.copytree(folder, tmp_path / "model"))
    config = json.loads((copied / "config.json").read_text()) | {"attention_bias": "no"}
    (copied / "config.json").write_text(json.dumps(config))
    assert MlxTokenizer(copied, read_config(copied)).decode([300]) == MlxTokenizer(folder, {}).decode([300])


def test_a_broken_tokenizer_is_named(folder: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(folder, tmp_path / "model"))
    (copied / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"the tokenizer of .*model cannot be loaded"):
        MlxTokenizer(copied, read_config(copied))
