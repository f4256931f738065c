"""A client that breaks one rule after another, in a process of its own, so that nothing but the server is measured.

python -m exo_http.testing.rule_breaking_client URL MODEL

It goes through all `rule_breakers` again and again, and writes a line for each: the status of the answer, the seconds
until it came, and the rule. It ends with its standard input, after the last rule.
"""

from __future__ import annotations

import asyncio
import select
import sys
from collections.abc import Iterable

from exo_http.limits import Limits
from exo_http.testing.exchange import verdict_on
from exo_http.testing.rule_breakers import RuleBreaker, rule_breakers


def main(url: str, model: str) -> None:
    """Break rules until told to stop."""
    breakers = list(rule_breakers(url, model, body_bytes=Limits().body_bytes))
    while not select.select([sys.stdin], [], [], 0)[0]:
        asyncio.run(break_all(url, breakers))


async def break_all(url: str, breakers: Iterable[RuleBreaker]) -> None:
    """One after the other."""
    for breaker in breakers:
        verdict = await verdict_on(url, breaker)
        print(verdict.status, verdict.seconds, breaker.name, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
