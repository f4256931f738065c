"""What is asked, in which order: prompts of several lengths one at a time, then more and more streams at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus

from exo_bench.chat_server import ChatServer, ServerError, TimedAnswer
from exo_bench.figures import load_figure, prefill_figure
from exo_bench.prompts import RequestMaker
from exo_bench.report import LoadFigure, PrefillFigure
from exo_bench.streams import ask_together

LOAD_PROMPT_TOKENS = 64
"""Short, so that answering is what takes the time."""

WARM_UP_TOKENS = 4
_Tell = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a person asked for. Lengths in tokens, ascending."""

    prompt_lengths: tuple[int, ...]
    concurrencies: tuple[int, ...]
    tokens: int
    repeat: int
    seed: int

    def within(self, context: int | None) -> Plan:
        """The same with answers short enough for the model's context, where that is known."""
        room = self.tokens if context is None else context - 2 * LOAD_PROMPT_TOKENS
        return replace(self, tokens=max(2, min(self.tokens, room)))


@dataclass(frozen=True)
class Skipped:
    """Something that cannot be measured here, and why."""

    reason: str


Figure = PrefillFigure | LoadFigure | Skipped


def measure(
    server: ChatServer, maker: RequestMaker, plan: Plan, context: int | None, tell: _Tell = lambda _: None
) -> Iterator[Figure]:
    """One figure after the other; `tell` hears what is measured meanwhile. Raises `ServerError`."""
    yield from _prefill(server, maker, plan, context, tell)
    yield from _load(server, maker, plan, tell)


def _prefill(server: ChatServer, maker: RequestMaker, plan: Plan, context: int | None, tell: _Tell) -> Iterator[Figure]:
    for length in plan.prompt_lengths:
        if context is not None and length >= context:
            yield Skipped(f"prompts of {length} tokens: the model takes {context} at most")
            continue
        answers = list[TimedAnswer]()
        for number in range(plan.repeat):
            tell(f"a prompt of {length} tokens, {number + 1} of {plan.repeat}")
            answers.append(server.ask(maker.request(prompt_tokens=length, tokens=1)))
        yield prefill_figure(length, answers)


def _load(server: ChatServer, maker: RequestMaker, plan: Plan, tell: _Tell) -> Iterator[Figure]:
    for streams in plan.concurrencies:
        tell(f"{streams} {'stream' if streams == 1 else 'streams'} at once")
        try:
            yield measured_load(server, maker, streams, plan.tokens)
        except ServerError as problem:
            if problem.status != HTTPStatus.TOO_MANY_REQUESTS:
                raise
            yield Skipped(f"{streams} streams and more: {problem}")
            return


def measured_load(server: ChatServer, maker: RequestMaker, streams: int, tokens: int) -> LoadFigure:
    """So many streams at once, after a short turn of as many that is not counted. Raises `ServerError`."""

    def together(prompt_tokens: int, length: int) -> list[TimedAnswer]:
        bodies = [maker.request(prompt_tokens=prompt_tokens, tokens=length) for _ in range(streams)]
        return ask_together(server, bodies)

    together(LOAD_PROMPT_TOKENS // 4, min(tokens, WARM_UP_TOKENS))
    return load_figure(together(LOAD_PROMPT_TOKENS, tokens))
