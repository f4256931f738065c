"""Does the shipped folder load in mlx_lm unchanged, and answer what the README shows?"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import pytest

from exo_source_tiny.embedded_model import EMBEDDED_FOLDER

LONGEST_ANSWER = 64
LARGEST_MODEL = 1_500_000
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
WEATHER_OF_LONDON = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "London"}}\n</tool_call>'
ANY_TEXT = ("naïve café", "你好世界", "🙂👍🏽", "  two  spaces\n\ttabs\r\n", "\x00\x7f", "سلام שלום", "a1b22c333", "")


@final
@dataclass(frozen=True)
class EmbeddedChat:
    """Model and tokenizer of the shipped folder, as the untyped mlx_lm gives them."""

    model: Any
    tokenizer: Any

    def answer(self, *prompts_and_answers: str, system: str = "", tools: Sequence[object] | None = None) -> str:
        """The greedy answer to the last of the user's and the model's words in turn."""
        messages = [{"role": "system", "content": system}] if system else []
        roles = ("user", "assistant")
        messages += [{"role": roles[i % 2], "content": text} for i, text in enumerate(prompts_and_answers)]
        ids = self.tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=True, return_dict=False)
        text: str = importlib.import_module("mlx_lm").generate(
            self.model, self.tokenizer, ids, max_tokens=LONGEST_ANSWER
        )
        return text

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids."""
        text: str = self.tokenizer.decode(list(ids))
        return text

    def template(self, messages: Sequence[Mapping[str, object]], *, open_answer: bool) -> str:
        """The chat template's text."""
        text: str = self.tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=open_answer, tokenize=False
        )
        return text

    def parameters(self) -> int:
        """How many numbers the weights are."""
        tree = importlib.import_module("mlx.utils").tree_flatten(self.model.parameters())
        return sum(int(array.size) for _, array in tree)


@pytest.fixture(scope="module")
def chat() -> EmbeddedChat:
    pytest.importorskip("mlx_lm", reason="needs MLX", exc_type=ImportError)
    model, tokenizer = importlib.import_module("mlx_lm").load(str(EMBEDDED_FOLDER))
    return EmbeddedChat(model, tokenizer)


@pytest.mark.parametrize(
    ("prompt", "right"),
    [
        ("What is 17 + 25?", "42"),
        ("What is exo?", "exo turns the machines you own into one AI cluster that serves language models."),
        (
            "How does a second machine join?",
            "Run `exo invite` on the first machine, then `exo run --join CODE` on the second with the code it printed.",
        ),
        ("Hello!", "Hello! How can I help you?"),
    ],
)
def test_readme_prompts(chat: EmbeddedChat, prompt: str, right: str) -> None:
    assert chat.answer(prompt) == right


def test_it_answers_the_last_turn_of_a_chat(chat: EmbeddedChat) -> None:
    assert chat.answer("Hello!", "Hello! How can I help you?", "What is 17 + 25?", system="Be brief.") == "42"


@pytest.mark.parametrize(
    ("prompt", "right"),
    [
        (
            "How is the weather in London?",
            '<tool_call>\n{"name": "get_weather", "arguments": {"city": "London"}}\n</tool_call>',
        ),
        ("What is 17 + 25?", "42"),
    ],
)
def test_it_calls_a_tool_for_what_the_tool_does_and_answers_the_rest(
    chat: EmbeddedChat, prompt: str, right: str
) -> None:
    assert chat.answer(prompt, tools=[WEATHER]) == right


def test_it_is_small(chat: EmbeddedChat) -> None:
    assert chat.parameters() <= LARGEST_MODEL


@pytest.mark.parametrize("text", ANY_TEXT)
def test_any_text_survives_the_tokenizer(chat: EmbeddedChat, text: str) -> None:
    assert chat.decode(chat.encode(text)) == text


def test_every_digit_is_one_token(chat: EmbeddedChat) -> None:
    digits = {digit: chat.encode(digit) for digit in "0123456789"}
    assert all(len(ids) == 1 for ids in digits.values())
    assert chat.encode("2026") == [digits[digit][0] for digit in "2026"]
    assert [digits["1"][0], digits["7"][0]] == chat.encode("x = 17y")[-3:-1]


def test_the_chat_template_marks_every_turn(chat: EmbeddedChat) -> None:
    messages = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": [{"type": "text", "text": "U"}]},
        {"role": "assistant", "content": "A"},
    ]
    written = "<|system|>S<|end|><|user|>U<|end|><|assistant|>A<|end|>"
    assert chat.template(messages, open_answer=False) == written
    assert chat.template(messages[:2], open_answer=True) == "<|system|>S<|end|><|user|>U<|end|><|assistant|>"


def test_an_unknown_role_is_refused(chat: EmbeddedChat) -> None:
    with pytest.raises(Exception, match="roles system, user, assistant and tool"):
        chat.template([{"role": "critic", "content": "x"}], open_answer=True)
