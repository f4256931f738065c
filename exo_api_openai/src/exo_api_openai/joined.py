"""Several requests to an engine that one client sees as one, as with a list of prompts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import final

from exo_core.requests import Accepted, Answer, Chunk, Failed, Progress, Refused

LARGEST = 256
"""Answers of all parts held here; more wait in the gateway."""


async def joined(parts: Sequence[AsyncGenerator[Answer]], choices: int) -> AsyncGenerator[Answer]:
    """One `Accepted` for all, then everything else as it comes; choice c of part p is choice p · `choices` + c.

    What one part is refused with, or fails with, ends all of them. Closing this closes every part.
    """
    held: list[Answer] = []
    """What came of the early ones while others were not accepted yet."""
    together = _Together(choices, len(parts))
    async with aclosing(_as_they_come(parts)) as answers:
        async for part, answer in answers:
            seen = together.seen(part, answer)
            if isinstance(seen, Accepted):
                if together.all_accepted:
                    yield Accepted(prompt_ids=together.prompt_ids)
            elif isinstance(seen, Refused | Failed):
                yield seen
                return
            elif isinstance(seen, Progress) and not seen.cached:
                yield seen  # a load may be long
            else:
                held.append(seen)
            if together.all_accepted:
                for each in held:
                    yield each
                held.clear()


@final
class _Together:
    """What is known of all parts."""

    def __init__(self, choices: int, parts: int) -> None:
        self._choices = choices
        self._accepted: list[Accepted | None] = [None] * parts
        self._cached = [0] * parts

    @property
    def all_accepted(self) -> bool:
        return None not in self._accepted

    @property
    def prompt_ids(self) -> tuple[int, ...]:
        return tuple(token_id for each in self._accepted if each is not None for token_id in each.prompt_ids)

    def seen(self, part: int, answer: Answer) -> Answer:
        """The same answer as one of the whole."""
        match answer:
            case Accepted():
                self._accepted[part] = answer
            case Progress():
                self._cached[part] = max(self._cached[part], answer.cached)
                return answer.model_copy(update={"cached": sum(self._cached)})
            case Chunk():
                return answer.model_copy(update={"choice": part * self._choices + answer.choice})
            case _:
                pass
        return answer


async def _as_they_come(parts: Sequence[AsyncGenerator[Answer]]) -> AsyncGenerator[tuple[int, Answer]]:
    queue: asyncio.Queue[tuple[int, Answer | Exception | None]] = asyncio.Queue(LARGEST)
    pumps = [asyncio.create_task(_pump(number, part, queue)) for number, part in enumerate(parts)]
    running = len(pumps)
    try:
        while running:
            number, answer = await queue.get()
            if isinstance(answer, Exception):
                raise answer
            if answer is None:
                running -= 1
            else:
                yield number, answer
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.wait(pumps)


async def _pump(
    number: int, part: AsyncGenerator[Answer], queue: asyncio.Queue[tuple[int, Answer | Exception | None]]
) -> None:
    last: Exception | None = None
    try:
        async with aclosing(part):
            async for answer in part:
                await queue.put((number, answer))
    except Exception as problem:  # raised again in the reader
        last = problem
    await queue.put((number, last))
