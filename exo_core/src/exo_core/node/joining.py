"""`exo run --join CODE`: from a code to a cluster kept in this home."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from exo_core.errors import ConnectError, JoinError
from exo_core.identity.enrolment import enroll
from exo_core.identity.join_code import JoinCode
from exo_core.identity.node_key import NodeKey
from exo_core.node.clusters import Cluster, adopt_cluster
from exo_core.node.home import Home
from exo_core.node.options import NodeOptions
from exo_core.plugins.manager import Plugins
from exo_core.plugins.settings import settings_of
from exo_core.router.race import Race
from exo_core.transports import Identity, Link, Ticket, Transport, TransportContext

CONNECT_SECONDS: Final = 10.0
HEAD_START_SECONDS: Final = 0.5
"""How long one address of the code is tried alone before the next is tried too."""


@dataclass(frozen=True, kw_only=True)
class Joined:
    """The cluster this machine now belongs to, where its members are, and what to tell the person."""

    cluster: Cluster
    tickets: tuple[Ticket, ...]
    announcement: str


async def join_cluster(home: Home, node_key: NodeKey, code: JoinCode, options: NodeOptions, plugins: Plugins) -> Joined:
    """Meet the inviter at one of the code's addresses and take over the secret. Raises `JoinError`."""
    before = home.current_file.read_text(encoding="ascii").strip() if home.current_file.exists() else None
    problems: list[str] = []
    race = _race(code, _dialers(code.joiner(node_key), options, plugins), problems)
    async with aclosing(race.links()) as links:
        async for ticket, link in links:
            joined = await _join_over(link, ticket, code, home, node_key, options)
            kept = f"; cluster {str(before)[:12]} is kept aside in {home.clusters}" if _another(before, joined) else ""
            return replace(joined, announcement=f"joined cluster {joined.cluster.cluster_id[:12]}{kept}")
    message = (
        "nobody answered at the join code's addresses. Is `exo run` still running where it was made? "
        + "; ".join(problems)
    )
    raise JoinError(message)


def _dialers(identity: Identity, options: NodeOptions, plugins: Plugins) -> dict[str, Transport]:
    return {
        name: plugins.transports().get(name)(
            TransportContext(identity=identity, settings=settings_of(name, os.environ))
        )
        for name in options.transports
    }


def _race(code: JoinCode, dialers: Mapping[str, Transport], problems: list[str]) -> Race[Link]:
    """A person waits: an address that swallows everything must not cost its whole time before the next is tried."""

    async def connect(ticket: Ticket) -> Link:
        dialer = dialers.get(ticket.partition("://")[0])
        if dialer is None:
            message = "no transport for it was chosen"
            raise ConnectError(message)
        return await dialer.connect(ticket, timeout=CONNECT_SECONDS)

    return Race(
        code.tickets,
        connect,
        lambda ticket, problem: problems.append(f"{ticket}: {problem}"),
        close=lambda link: link.close(),
        sleep=asyncio.sleep,
        head_start=lambda _: HEAD_START_SECONDS,
    )


async def _join_over(
    link: Link, ticket: Ticket, code: JoinCode, home: Home, node_key: NodeKey, options: NodeOptions
) -> Joined:
    try:
        enrolment = await enroll(link, code, node_key.node_id, options.name)
    finally:
        await link.close()
    if options.consistency not in (None, enrolment.consistency):
        message = (
            f"--consistency {options.consistency}: the cluster of this join code keeps '{enrolment.consistency}', "
            "which was fixed when it was created; join without --consistency"
        )
        raise JoinError(message)
    cluster = adopt_cluster(home, enrolment.secret)
    return Joined(cluster=cluster, tickets=(ticket, *enrolment.tickets), announcement="")


def _another(before: str | None, joined: Joined) -> bool:
    return before is not None and before != joined.cluster.cluster_id
