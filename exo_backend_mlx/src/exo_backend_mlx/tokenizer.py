"""The text side of a model: `exo_engine.text.Tokenizer` over the model's own tokenizer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from pathlib import Path
from typing import NoReturn, final

from exo_backend_mlx.answer_markup import markup_of
from exo_backend_mlx.call_ids import with_call_ids
from exo_backend_mlx.mlx_lm_facade.tokenizers import DecodeStream, LoadedTokenizer
from exo_backend_mlx.model_config import end_token_ids
from exo_backend_mlx.tool_formats import tool_format_of
from exo_core.errors import RequestRefused
from exo_core.frozen import JsonValue
from exo_core.requests import ChatPrompt

REPLACEMENT = "\ufffd"
_OWN_ARGUMENTS = frozenset({
    "add_generation_prompt", "chat_template", "continue_final_message", "conversation", "documents", "max_length",
    "messages", "padding", "return_assistant_tokens_mask", "return_dict", "return_tensors", "tokenize",
    "tokenizer_kwargs", "tools", "truncation",
})  # fmt: skip
"""What transformers means something else by than a variable of the template."""


@final
class MlxTokenizer:
    """Text to token ids and back, for one model."""

    def __init__(self, folder: Path, config: Mapping[str, JsonValue]) -> None:
        """Raises `ModelError` when the folder's tokenizer cannot be loaded."""
        self._loaded = LoadedTokenizer(folder, end_token_ids(folder, config))
        size = config.get("vocab_size")
        self._hidden_of: dict[range | frozenset[int], frozenset[int]] = {}
        self._vocabulary_size = size if isinstance(size, int) else self._loaded.size
        tool_format = tool_format_of(self._loaded.marks)
        self._name_call = None if tool_format is None else tool_format.call_ids
        self.markup = markup_of(self._loaded.marks, tool_format)

    @property
    def eos_token_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""
        return self._loaded.end_ids

    @property
    def vocabulary_size(self) -> int:
        """Rows of the embedding: ids are below this."""
        return self._vocabulary_size

    def encode(self, text: str) -> list[int]:
        """The ids of plain text, with the model's beginning-of-text token where it has one."""
        return self._loaded.encode(text, with_specials=True)

    def encode_chat(self, prompt: ChatPrompt) -> list[int]:
        """The ids of a conversation under the chat template. Raises `RequestRefused` (400) if that refuses."""
        if not self._loaded.has_chat_template:
            _refuse("no_chat_template", "this model has no chat template: it completes text only")
        taken = sorted(_OWN_ARGUMENTS & prompt.template_arguments.keys())
        if taken:
            _refuse("invalid_template_argument", f"not an argument of the chat template: {', '.join(taken)}")
        messages = self._template_messages(prompt)
        continues = bool(messages) and messages[-1].get("role") == "assistant"
        try:
            text = self._loaded.render_chat(
                messages, tools=prompt.tools, arguments=prompt.template_arguments, continues=continues
            )
        except Exception as error:  # the template is a program of the model's maker: it may raise anything
            message = f"the model's chat template refuses this conversation: {error}"
            _refuse("chat_template_refused", message)
        return self._loaded.encode(text, with_specials=False)

    def _template_messages(self, prompt: ChatPrompt) -> list[dict[str, JsonValue]]:
        messages = [_with_plain_content(message) for message in prompt.messages]
        return messages if self._name_call is None else with_call_ids(messages, self._name_call)

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of ids, special tokens left out."""
        return self._loaded.decode(token_ids)

    def token_text(self, token_id: int) -> str:
        """One token for people, special ones by name."""
        text = self._loaded.decode([token_id])
        return text if text and text != REPLACEMENT else self._loaded.name_of(token_id) or ""

    def as_json(self) -> str | None:
        """As the `tokenizers` library writes it; None for the few tokenizers that are not in its form."""
        return self._loaded.as_json()

    def detokenizer(self, shown: Collection[int] = ()) -> MlxDetokenizer:
        """A new one, for one choice. Of special tokens those `shown` are text, except for those that end an answer."""
        return MlxDetokenizer(self._loaded, self._hidden(shown))

    def _hidden(self, shown: Collection[int]) -> Set[int]:
        """The special tokens without text; a model may have thousands, and asks for few kinds of answers."""
        kind = shown if isinstance(shown, range) else frozenset(shown)
        if kind not in self._hidden_of:
            ends = self.eos_token_ids
            self._hidden_of[kind] = frozenset(
                token_id for token_id in self._loaded.special_ids if token_id not in shown or token_id in ends
            )
        return self._hidden_of[kind]


@final
class MlxDetokenizer:
    """Turns token ids into text as they come: a pure function of the ids."""

    def __init__(self, loaded: LoadedTokenizer, hidden: Set[int]) -> None:
        self._loaded = loaded
        self._hidden = hidden
        self._stream: DecodeStream | None = loaded.stream()
        self._token_ids: list[int] = []
        self._given = ""

    def add(self, token_id: int) -> str:
        """The text that became certain with this token (empty while a character is incomplete)."""
        if token_id in self._hidden:
            return ""
        if self._stream is not None:
            return self._stream.step(token_id)
        self._token_ids.append(token_id)
        text = self._decoded_since()
        self._given += text
        return text

    def finish(self) -> str:
        """What remains at the end (an incomplete character becomes U+FFFD)."""
        if self._stream is not None:
            return self._stream.rest()
        rest = self._loaded.decode(self._token_ids, with_specials=True)[len(self._given) :]
        self._given += rest
        return rest

    def _decoded_since(self) -> str:
        """For tokenizers without a stream: decode everything and give what is new, unless it ends in mid-character."""
        text = self._loaded.decode(self._token_ids, with_specials=True)
        return "" if text.endswith(REPLACEMENT) else text[len(self._given) :]


def _with_plain_content(message: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """A message whose content is a list of text parts, with the parts joined: most templates know strings only."""
    content = message.get("content")
    if not isinstance(content, list):
        return message
    texts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in content]
    if not all(isinstance(text, str) for text in texts):
        _refuse("unsupported_content", "this model reads text only; a message holds something else")
    return message | {"content": "".join(str(text) for text in texts)}


def _refuse(code: str, message: str) -> NoReturn:
    raise RequestRefused(400, code, message)
