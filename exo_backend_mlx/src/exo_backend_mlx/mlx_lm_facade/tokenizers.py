"""Tokenizers: a model's own, as mlx_lm wraps that of transformers. No code from a model's folder is run."""

from __future__ import annotations

from collections.abc import Sequence, Set
from importlib import import_module
from pathlib import Path
from typing import Any, cast, final

from exo_backend_mlx.mlx_lm_facade.answer_marks import AnswerMarks, answer_marks
from exo_core.errors import ModelError
from exo_core.frozen import JsonValue

_FROM_THIS_FOLDER_ONLY = {"trust_remote_code": False, "local_files_only": True}


@final
class LoadedTokenizer:
    """A tokenizer of transformers with typed methods."""

    def __init__(self, folder: Path, end_ids: Set[int]) -> None:
        """Raises `ModelError` when the folder's tokenizer cannot be loaded."""
        try:
            wrapper = _load(folder, end_ids)
        except Exception as error:  # transformers raises many kinds for a broken file
            message = f"the tokenizer of {folder} cannot be loaded: {error}"
            raise ModelError(message) from error
        self._wrapper = cast("Any", wrapper)
        self._fast = getattr(wrapper, "backend_tokenizer", None)

    @property
    def size(self) -> int:
        """How many ids it knows."""
        return len(self._wrapper)

    @property
    def end_ids(self) -> frozenset[int]:
        """The ids that end an answer: those given and the tokenizer's own."""
        return frozenset(cast("set[int]", self._wrapper.eos_token_ids))

    @property
    def marks(self) -> AnswerMarks:
        """What marks its thoughts and calls."""
        return answer_marks(self._wrapper)

    @property
    def has_chat_template(self) -> bool:
        """Whether `render_chat` works."""
        return bool(self._wrapper.has_chat_template)

    def encode(self, text: str, *, with_specials: bool) -> list[int]:
        """The ids of a text, with the beginning-of-text token (where the model has one) if asked."""
        return cast("list[int]", self._wrapper.encode(text, add_special_tokens=with_specials))

    def decode(self, token_ids: Sequence[int], *, with_specials: bool = False) -> str:
        """The text of ids; special ones are left out unless asked for."""
        decoder = self._wrapper if self._fast is None else self._fast
        return cast("str", decoder.decode(list(token_ids), skip_special_tokens=not with_specials))

    def name_of(self, token_id: int) -> str | None:
        """The vocabulary's own word for an id; None if it has none."""
        return cast("str | None", self._wrapper.convert_ids_to_tokens(token_id))

    def is_special(self, token_id: int) -> bool:
        """Whether `decode` leaves the id out."""
        return token_id in cast("list[int]", self._wrapper.all_special_ids)

    def render_chat(
        self,
        messages: Sequence[dict[str, JsonValue]],
        *,
        tools: Sequence[dict[str, JsonValue]],
        arguments: dict[str, JsonValue],
        continues: bool,
    ) -> str:
        """The conversation as text. Raises what the template raises."""
        return cast(
            "str",
            self._wrapper.apply_chat_template(
                list(messages),
                tools=list(tools) or None,
                tokenize=False,
                add_generation_prompt=not continues,
                continue_final_message=continues,
                **arguments,
            ),
        )

    def as_json(self) -> str | None:
        """As the `tokenizers` library writes it, what tokenizer_config.json adds included; None: it is no such."""
        return None if self._fast is None else cast("str", self._fast.to_str())

    @property
    def special_ids(self) -> frozenset[int]:
        """Those that `decode` leaves out."""
        if self._fast is None:
            return frozenset(cast("list[int]", self._wrapper.all_special_ids))
        added = cast("dict[int, Any]", self._fast.get_added_tokens_decoder())
        return frozenset(token_id for token_id, token in added.items() if token.special)

    def stream(self) -> DecodeStream | None:
        """An incremental decoder; None for the few tokenizers that are not in transformers' fast form."""
        return None if self._fast is None else DecodeStream(self._fast)


@final
class DecodeStream:
    """The incremental decoder of the `tokenizers` library: holds text back while a character is incomplete. Special ids
    have text.

    Where bytes are tokens, one that is no character's changes what those before it mean, and the library refuses to go
    on ("Invalid prefix encountered", huggingface/tokenizers#1705). Text that was given stays: what follows it is then
    decoded as if it began there.
    """

    def __init__(self, fast: object) -> None:
        self._fast = cast("Any", fast)
        self._begin()

    def step(self, token_id: int) -> str:
        """The text that became certain with this id."""
        try:
            return self._step(token_id)
        except Exception:  # the library raises no narrower one
            return self._begin_again()

    def rest(self) -> str:
        """What is held back, an incomplete character as U+FFFD."""
        return self._decode(self._token_ids)[self._given :]

    def _begin(self) -> None:
        from tokenizers import decoders

        self._stream = cast("Any", decoders).DecodeStream(skip_special_tokens=False)
        self._token_ids: list[int] = []
        self._given = 0
        """Characters of their text."""
        self._held: list[int] = []
        """Those whose text was not given."""

    def _begin_again(self) -> str:
        held = self._held
        self._begin()
        try:
            return "".join([self._step(token_id) for token_id in held])
        except Exception:  # as above
            self._begin()
            self._step(held[-1])  # so that the next word is not the first one, whose space is left out
            return self._decode(held)

    def _step(self, token_id: int) -> str:
        self._token_ids.append(token_id)
        self._held.append(token_id)
        text = cast("str | None", self._stream.step(self._fast, token_id)) or ""
        self._given += len(text)
        if text:
            self._held = []
        return text

    def _decode(self, token_ids: Sequence[int]) -> str:
        return cast("str", self._fast.decode(list(token_ids), skip_special_tokens=False))


def _load(folder: Path, end_ids: Set[int]) -> object:
    """mlx_lm's wrapper of a tokenizer.

    transformers reads config.json too, to guess the tokenizer's class, and refuses one with a field of another type
    than it expects, though mlx-lm takes it. So what fails is tried once more without it; the class must be named in
    tokenizer_config.json then, as it nearly always is.
    """
    load_tokenizer = cast("Any", import_module("mlx_lm.utils")).load_tokenizer
    try:
        return load_tokenizer(folder, _FROM_THIS_FOLDER_ONLY, eos_token_ids=sorted(end_ids))
    except Exception:  # transformers raises many kinds
        from transformers import PreTrainedConfig

        unguessed = {**_FROM_THIS_FOLDER_ONLY, "config": cast("Any", PreTrainedConfig)()}
        return load_tokenizer(folder, unguessed, eos_token_ids=sorted(end_ids))
