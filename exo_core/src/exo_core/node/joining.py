"""`exo run --join CODE`: from a code to a cluster kept in this home."""

from __future__ import annotations

import os
from dataclasses import dataclass

from exo_core.errors import ConnectError, JoinError
from exo_core.identity.enrolment import enroll
from exo_core.identity.join_code import JoinCode
from exo_core.identity.node_key import NodeKey
from exo_core.node.clusters import Cluster, adopt_cluster
from exo_core.node.home import Home
from exo_core.node.options import NodeOptions
from exo_core.plugins.manager import Plugins
from exo_core.plugins.settings import settings_of
from exo_core.transports import Ticket, Transport, TransportContext


@dataclass(frozen=True, kw_only=True)
class Joined:
    """The cluster this machine now belongs to, where its members are, and what to tell the person."""

    cluster: Cluster
    tickets: tuple[Ticket, ...]
    announcement: str


async def join_cluster(home: Home, node_key: NodeKey, code: JoinCode, options: NodeOptions, plugins: Plugins) -> Joined:
    """Meet the inviter at one of the code's addresses and take over the secret. Raises `JoinError`."""
    identity = code.joiner(node_key)
    dialers = {
        item: plugins.transports().get(item)(
            TransportContext(identity=identity, settings=settings_of(item, os.environ))
        )
        for item in options.transports
    }
    before = home.current_file.read_text(encoding="ascii").strip() if home.current_file.exists() else None
    problems: list[str] = []
    for ticket in code.tickets:
        dialer = dialers.get(ticket.partition("://")[0])
        if dialer is None:
            problems.append(f"{ticket}: no transport for it was chosen")
            continue
        joined = await _join_at(ticket, dialer, code, home, node_key, options, problems)
        if joined is not None:
            kept = f"; cluster {str(before)[:12]} is kept aside in {home.clusters}" if _another(before, joined) else ""
            announcement = f"joined cluster {joined.cluster.cluster_id[:12]}{kept}"
            return Joined(cluster=joined.cluster, tickets=joined.tickets, announcement=announcement)
    message = (
        "nobody answered at the join code's addresses. Is `exo run` still running where it was made? "
        + "; ".join(problems)
    )
    raise JoinError(message)


async def _join_at(
    ticket: Ticket,
    dialer: Transport,
    code: JoinCode,
    home: Home,
    node_key: NodeKey,
    options: NodeOptions,
    problems: list[str],
) -> Joined | None:
    try:
        link = await dialer.connect(ticket)
    except ConnectError as problem:
        problems.append(f"{ticket}: {problem}")
        return None
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
