"""How the answers to a request are read, and what they are held to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NoReturn, final

from exo_core.errors import RequestRefused
from exo_core.requests import ChatPrompt, Generate, Grammar, ToolUse
from exo_engine.answers.answer_reader import AnswerReader
from exo_engine.answers.calls import Calls
from exo_engine.answers.found_calls import FoundCalls
from exo_engine.answers.held_calls import HeldCalls
from exo_engine.answers.marked_text import MarkedText
from exo_engine.answers.markup import NO_MARKUP, Markup, Thinking
from exo_engine.answers.thinking import thinking_after
from exo_engine.answers.thought_first import after_thought
from exo_engine.answers.tool_format import ToolDocument, ToolFormat
from exo_engine.answers.tool_grammar import functions_of, tool_grammar
from exo_engine.text import Tokenizer


@final
@dataclass(frozen=True, kw_only=True)
class ToolReading:
    """How calls of tools are read."""

    tool_format: ToolFormat
    tools: tuple[ToolDocument, ...]
    use: ToolUse

    def calls(self, *, is_held: bool) -> Calls:
        """For one choice. Raises `RequestRefused` (400)."""
        notation = self.tool_format.notation
        if is_held and notation is not None and notation.reads_on_the_way:
            return HeldCalls(notation.reader)
        return FoundCalls(self.tool_format, self.tools, self.use)


@final
@dataclass(frozen=True, kw_only=True)
class Reading:
    """Of all choices of a request. `grammar` is to be compiled; unless it `must_hold`, they can do without it."""

    markup: Markup = NO_MARKUP
    thinking: Thinking = "over"
    tools: ToolReading | None = None
    grammar: Grammar | None = None
    must_hold: bool = True

    def reader(self, *, is_held: bool) -> AnswerReader:
        """A new one, for one choice. `is_held`: it is held to the grammar. Raises `RequestRefused` (400)."""
        may_call = self.tools is not None
        section = "reasoning" if self.thinking == "begun" else self.markup.begins
        text = MarkedText(self.markup.edges_for(calls=may_call), section, self.markup.first_call if may_call else "")
        if self.tools is None:
            return AnswerReader(text)
        return AnswerReader(text, self.tools.calls(is_held=is_held), parallel=self.tools.use.parallel)

    def shown(self, vocabulary_size: int) -> Collection[int]:
        """Special tokens that are text to the reader: markers, and in a notation that nobody knows here all of them."""
        if self.tools is not None and self.tools.tool_format.notation is None:
            return range(vocabulary_size)
        return frozenset(self.markup.tokens.values())


def reading_of(request: Generate, prompt_ids: Sequence[int], tokenizer: Tokenizer) -> Reading:
    """Only an answer to a conversation has markup. Raises `RequestRefused` (400) for what this model cannot do."""
    prompt, grammar = request.prompt, request.grammar
    if not isinstance(prompt, ChatPrompt):
        return Reading(grammar=grammar)
    markup = tokenizer.markup
    thinking = thinking_after(prompt, prompt_ids, tokenizer)
    if request.tool_use is not None and prompt.tools:
        return _with_tools(request, prompt, request.tool_use, markup, thinking)
    if grammar is not None:
        grammar = after_thought(grammar, markup, thinking)
    return Reading(markup=markup, thinking=thinking, grammar=grammar)


def _with_tools(request: Generate, prompt: ChatPrompt, use: ToolUse, markup: Markup, thinking: Thinking) -> Reading:
    tool_format = markup.tool_format
    if tool_format is None:
        _refuse("tools: how this model calls tools is not known here; leave them out, or ask another model")
    must_hold = use.choice == "required" or request.grammar is not None
    tools = ToolReading(tool_format=tool_format, tools=prompt.tools, use=use)
    functions, notation = functions_of(prompt.tools, use), tool_format.notation
    grammar = None
    try:
        if notation is not None:
            grammar = tool_grammar(
                functions, use, notation, markup=markup, thinking=thinking, otherwise=request.grammar
            )
        elif must_hold:
            _refuse(
                f"{_asked(use)}: this model cannot be held to it beside tools: how it writes calls is not known here"
            )
    except ValueError as problem:  # what the notation cannot hold, and a grammar that is too long
        if must_hold:
            _refuse(f"{_asked(use)}: calls of these tools cannot be held to their schemas: {problem}")
    return Reading(markup=markup, thinking=thinking, tools=tools, grammar=grammar, must_hold=must_hold)


def _asked(use: ToolUse) -> str:
    return "tool_choice" if use.choice == "required" else "response_format"


def _refuse(message: str) -> NoReturn:
    raise RequestRefused(400, "tools_not_supported", message)
