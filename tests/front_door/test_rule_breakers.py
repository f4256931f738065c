"""Clients that break rules are told so at once, slow ones are cut off, and who keeps to the rules hardly notices."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from exo_http.limits import Limits
from exo_http.testing.exchange import verdict_on
from exo_http.testing.exploding_grammars import exploding_requests
from exo_http.testing.rule_breakers import RuleBreaker, rule_breakers
from exo_http.testing.slow_sender import seconds_until_cut, slow_body, slow_head

if TYPE_CHECKING:
    from conftest import ClientProcess, Figures, FrontDoor, StartClient

LONGEST_VERDICT_S = 0.1
LONGEST_SLOW_S = 15.0
LONGEST_FACTOR = 2.0
SLOW_CLIENTS = 500
USUAL_S = 8.0
MANY_KINDS = 60


async def told_so(url: str, breaker: RuleBreaker) -> None:
    """Fails for one that is told anything but a 4xx."""
    verdict = await verdict_on(url, breaker)
    assert 400 <= verdict.status < 500, f"{breaker.name}: {verdict}"


async def refused(url: str, model: str) -> int:
    """Ask for everything that explodes; fails for what is not a 400. How many there were."""
    requests = list(exploding_requests(url, model))
    for name, request in requests:
        breaker = RuleBreaker(name=name, before=request[:-1], breaking=request[-1:])
        verdict = await verdict_on(url, breaker)
        assert verdict.status == 400, f"{name}: {verdict}"
    return len(requests)


async def test_who_breaks_a_rule_is_told_so(door: FrontDoor) -> None:
    """All at once."""
    breakers = list(rule_breakers(door.node.url, door.fast, body_bytes=Limits().body_bytes))
    assert len(breakers) > MANY_KINDS
    await asyncio.gather(*(told_so(door.node.url, breaker) for breaker in breakers))


@dataclass
class Attack:
    """Slow clients and exploding grammars at once, the grammars again and again."""

    url: str
    cut_s: list[float] = field(default_factory=list[float])
    exploded: int = 0

    async def run(self) -> None:
        """Go on until the last slow client was cut off."""
        openings = (slow_head(self.url), slow_body(self.url))
        slow = [
            seconds_until_cut(self.url, *openings[number % 2], after_s=number / SLOW_CLIENTS)
            for number in range(SLOW_CLIENTS)
        ]
        exploding = asyncio.create_task(self._explode())
        self.cut_s = await asyncio.gather(*slow)
        self._is_over = True
        await exploding

    _is_over: bool = False

    async def _explode(self) -> None:
        while not self._is_over:
            self.exploded += await refused(self.url, "tiny")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("tiny")
async def test_nobody_else_suffers(door: FrontDoor, figures: Figures, start_client: StartClient) -> None:
    usual = await waits(start_client("steady_client", door.node.url, door.fast), asyncio.sleep(USUAL_S))
    attack = Attack(door.node.url)
    breaking = start_client("rule_breaking_client", door.node.url, door.fast)
    attacked = await waits(start_client("steady_client", door.node.url, door.fast), attack.run())
    slowest = add_verdicts(figures, await asyncio.to_thread(breaking.stop))
    factor = statistics.median(attacked) / statistics.median(usual)
    figures.add(f"{SLOW_CLIENTS} slow sockets cut within", f"{LONGEST_SLOW_S} s", f"{max(attack.cut_s):.1f} s")
    figures.add("exploding grammars: each a 400", "all", f"all of {attack.exploded}")
    figures.add(
        "first token of an honest client meanwhile", f"x {LONGEST_FACTOR}", f"x {factor:.2f}: {shown(attacked)}"
    )
    figures.add("  usually", "", shown(usual))
    assert max(attack.cut_s) <= LONGEST_SLOW_S
    assert slowest <= LONGEST_VERDICT_S
    assert factor <= LONGEST_FACTOR


def add_verdicts(figures: Figures, lines: Sequence[str]) -> float:
    """What the client that breaks rules wrote; the longest it waited. Fails when it was told anything but a 4xx."""
    verdicts = [(float(seconds), int(status), name) for status, seconds, name in (line.split(" ", 2) for line in lines)]
    assert [verdict for verdict in verdicts if not 400 <= verdict[1] < 500] == []
    slowest, *others = [f"{seconds:.3f} s ({name})" for seconds, _, name in sorted(verdicts, reverse=True)[:3]]
    times, kinds = [seconds for seconds, _, _ in verdicts], {name for _, _, name in verdicts}
    assert len(kinds) > MANY_KINDS
    figures.add("rule breakers: each a 4xx within", f"{LONGEST_VERDICT_S} s", slowest)
    figures.add("  after that", "", ", ".join(others))
    figures.add("  so many", "", f"{len(times)} of {len(kinds)} kinds, p50 {statistics.median(times):.3f} s")
    return max(times)


async def waits(client: ClientProcess, meanwhile: Awaitable[None]) -> list[float]:
    """How long a steady client waited for its first tokens while that went on, sorted."""
    await meanwhile
    return sorted(map(float, await asyncio.to_thread(client.stop)))


def shown(times: Sequence[float]) -> str:
    """Of sorted ones."""
    median, late = statistics.median(times), times[int(0.95 * len(times))]
    return f"p50 {1e3 * median:.1f} ms, p95 {1e3 * late:.1f} ms, {len(times)} answers"
