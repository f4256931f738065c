"""What a person should know of nodes beyond who is alive: who is refused, sought in vain, or in trouble."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exo_core.node_handle import Problem
from exo_core.router.router import Router
from exo_core.state.state import State
from exo_core.telemetry import Telemetry


def problems_of(router: Router, telemetry: Telemetry, state: State) -> Sequence[Problem]:
    """Each reason once. Refusals of the last minute count, on whichever side they were made."""
    found = [*_refused(router), *_sought(router), *_in_trouble(telemetry, state)]
    return list({problem.reason: problem for problem in reversed(found)}.values())[::-1]


def _refused(router: Router) -> Iterator[Problem]:
    for link in router.refusals:
        yield Problem(node_id=link.node_id, name=link.name, reason=link.reason)


def _sought(router: Router) -> Iterator[Problem]:
    """Addresses that a person gave, or a discovery, where nobody is met."""
    for ticket, reason in router.problems.items():
        if router.is_dialling(ticket):
            yield Problem(node_id=None, name=ticket, reason=reason)


def _in_trouble(telemetry: Telemetry, state: State) -> Iterator[Problem]:
    """A disk that takes no more, a log that was damaged: as each member says of itself."""
    for node_id, told in telemetry.nodes.items():
        if told.trouble and (node_id in state.members or not state.members):  # a damaged log may name nobody
            yield Problem(node_id=node_id, name=told.name, reason=f"{told.name}: {told.trouble}")
