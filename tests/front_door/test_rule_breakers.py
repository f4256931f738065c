"""Clients that break rules are told so at once, slow ones are cut off, and who keeps to the rules hardly notices."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from exo_http.limits import Limits
from exo_http.testing.exchange import verdict_on
from exo_http.testing.exploding_grammars import exploding_requests
from exo_http.testing.rule_breakers import RuleBreaker, rule_breakers
from exo_http.testing.slow_sender import seconds_until_cut, slow_body, slow_head

if TYPE_CHECKING:
    from conftest import Figures, FrontDoor, SteadyClient

LONGEST_VERDICT_S = 0.1
LONGEST_SLOW_S = 15.0
LONGEST_FACTOR = 2.0
SLOW_CLIENTS = 500
USUAL_S = 8.0
EMBEDDED = "tiny"
MANY_KINDS = 60


async def told_so(url: str, breakers: Sequence[RuleBreaker]) -> dict[str, float]:
    """Each by its name, and how long it took to be told; fails for one that is told anything but a 4xx."""
    found: dict[str, float] = {}
    for breaker in breakers:
        verdict = await verdict_on(url, breaker)
        assert 400 <= verdict.status < 500, f"{breaker.name}: {verdict}"
        found[breaker.name] = verdict.seconds
    return found


async def refused(url: str, model: str) -> int:
    """Ask for everything that explodes; fails for what is not a 400. How many there were."""
    requests = list(exploding_requests(url, model))
    for name, request in requests:
        breaker = RuleBreaker(name=name, before=request[:-1], breaking=request[-1:])
        verdict = await verdict_on(url, breaker)
        assert verdict.status == 400, f"{name}: {verdict}"
    return len(requests)


def breakers_for(door: FrontDoor) -> list[RuleBreaker]:
    """All that are known."""
    return list(rule_breakers(door.node.url, door.fast, body_bytes=Limits().body_bytes))


async def test_who_breaks_a_rule_is_told_so(door: FrontDoor) -> None:
    """All at once."""
    found = await asyncio.gather(*(told_so(door.node.url, [breaker]) for breaker in breakers_for(door)))
    assert len(found) > MANY_KINDS


@dataclass
class Attack:
    """Slow clients, rule breakers and exploding grammars, all at once; the last two again and again."""

    url: str
    breakers: Sequence[RuleBreaker]
    cut_s: list[float] = field(default_factory=list[float])
    told_s: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    exploded: int = 0

    async def run(self) -> None:
        """Go on until the last slow client was cut off."""
        openings = (slow_head(self.url), slow_body(self.url))
        slow = [
            seconds_until_cut(self.url, *openings[number % 2], after_s=number / SLOW_CLIENTS)
            for number in range(SLOW_CLIENTS)
        ]
        others = [asyncio.create_task(self._break_rules()), asyncio.create_task(self._explode())]
        self.cut_s = await asyncio.gather(*slow)
        self._is_over = True
        await asyncio.gather(*others)

    _is_over: bool = False

    async def _break_rules(self) -> None:
        while not self._is_over:
            self.told_s.append(await told_so(self.url, self.breakers))

    async def _explode(self) -> None:
        while not self._is_over:
            self.exploded += await refused(self.url, EMBEDDED)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_nobody_else_suffers(
    door: FrontDoor, figures: Figures, steady_client: Callable[[], SteadyClient]
) -> None:
    await asyncio.to_thread(door.node.place, EMBEDDED)
    usual = await waits(steady_client(), asyncio.sleep(USUAL_S))
    attack = Attack(door.node.url, breakers_for(door))
    attacked = await waits(steady_client(), attack.run())
    slowest = {name: max(told[name] for told in attack.told_s) for name in attack.told_s[0]}
    *_, third, second, first = sorted(slowest, key=slowest.__getitem__)
    answers = len(attack.told_s) * len(attack.breakers)
    factor = statistics.median(attacked) / statistics.median(usual)
    figures.add("rule breakers: each a 4xx within", f"{LONGEST_VERDICT_S} s", f"{slowest[first]:.3f} s ({first})")
    figures.add("  after that", "", ", ".join(f"{slowest[name]:.3f} s ({name})" for name in (second, third)))
    figures.add("  so many", "", f"{answers} of {len(attack.breakers)} kinds, p50 {p50(attack.told_s):.3f} s")
    figures.add(f"{SLOW_CLIENTS} slow sockets cut within", f"{LONGEST_SLOW_S} s", f"{max(attack.cut_s):.1f} s")
    figures.add("exploding grammars: each a 400", "all", f"all of {attack.exploded}")
    figures.add(
        "first token of an honest client meanwhile", f"x {LONGEST_FACTOR}", f"x {factor:.2f}: {shown(attacked)}"
    )
    figures.add("  usually", "", shown(usual))
    assert max(attack.cut_s) <= LONGEST_SLOW_S
    assert slowest[first] <= LONGEST_VERDICT_S
    assert factor <= LONGEST_FACTOR


async def waits(client: SteadyClient, meanwhile: Awaitable[None]) -> list[float]:
    """How long it waited for its first tokens while that went on."""
    await meanwhile
    return await asyncio.to_thread(client.stop)


def p50(told: Sequence[dict[str, float]]) -> float:
    """Of all verdicts."""
    return statistics.median(chain(*(each.values() for each in told)))


def shown(times: Sequence[float]) -> str:
    """Of sorted ones."""
    median, late = statistics.median(times), times[int(0.95 * len(times))]
    return f"p50 {1e3 * median:.1f} ms, p95 {1e3 * late:.1f} ms, {len(times)} answers"
