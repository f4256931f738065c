"""`exo run --join CODE`: from a code to a cluster kept in this home, over an address or by texts that people carry."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from exo_core.errors import ConnectError, JoinError, WireError
from exo_core.hand_links import AnswersByHand, HandAnswer
from exo_core.identity.carried_texts import CarriedOffer, answer_text, is_offer, parse_offer
from exo_core.identity.enrolment import enroll
from exo_core.identity.join_code import JoinCode, parse_join_code
from exo_core.identity.node_key import NodeKey
from exo_core.node.clusters import Cluster, adopt_cluster
from exo_core.node.home import Home
from exo_core.node.options import NodeOptions
from exo_core.plugins.manager import Plugins
from exo_core.plugins.settings import settings_of
from exo_core.router.race import Race
from exo_core.transports import Identity, Link, Ticket, Transport, TransportContext

logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 10.0
HAND_SECONDS: Final = 3600.0
"""How long a person may take to carry an answer."""

HEAD_START_SECONDS: Final = 0.5
"""How long one address of the code is tried alone before the next is tried too."""


@dataclass(frozen=True, kw_only=True)
class Joined:
    """The cluster this machine now belongs to, where its members are, and what to tell the person.

    `link`: the one by which it joined, where there may be no other way to a member; it is to go on (`enrolment.stay`).
    """

    cluster: Cluster
    tickets: tuple[Ticket, ...]
    announcement: str
    link: Link | None = None


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """A machine that joins. `carry` shows a person the text that has to come to the inviter."""

    home: Home
    node_key: NodeKey
    options: NodeOptions
    plugins: Plugins
    carry: Callable[[str], None]


async def join_cluster(text: str, newcomer: Newcomer) -> Joined:
    """Meet the inviter and take over the secret. `text`: a join code, or an offer by hand. Raises `JoinError`."""
    current = newcomer.home.current_file
    before = current.read_text(encoding="ascii").strip() if current.exists() else None
    if is_offer(text):
        joined = await _join_by_hand(parse_offer(text), newcomer)
    else:
        joined = await _join_at_an_address(parse_join_code(text), newcomer)
    kept = f"; cluster {str(before)[:12]} is kept aside in {newcomer.home.clusters}" if _another(before, joined) else ""
    return replace(joined, announcement=f"joined cluster {joined.cluster.cluster_id[:12]}{kept}")


async def _join_at_an_address(code: JoinCode, newcomer: Newcomer) -> Joined:
    problems: list[str] = []
    race = _race(code, _dialers(code.joiner(newcomer.node_key), newcomer.options, newcomer.plugins), problems)
    async with aclosing(race.links()) as links:
        async for ticket, link in links:
            try:
                joined = await _join_over(link, code, newcomer)
            finally:
                await link.close()
            return replace(joined, tickets=(ticket, *joined.tickets))
    message = (
        "nobody answered at the join code's addresses. Is `exo run` still running where it was made? "
        + "; ".join(problems)
    )
    raise JoinError(message)


async def _join_by_hand(offer: CarriedOffer, newcomer: Newcomer) -> Joined:
    answer = await _answered(offer, newcomer)
    if time.time() > offer.code.expires_at:  # by our clock, which may be wrong
        logger.warning(
            "the offer's time is over, if this machine's clock is right: perhaps nobody waits for the answer"
        )
    try:
        newcomer.carry(answer_text(answer.message))
        async with asyncio.timeout(HAND_SECONDS):
            link = await answer.link()
    except TimeoutError as problem:
        message = (
            f"nobody took the answer within {HAND_SECONDS / 60:.0f} minutes. Run `exo invite --by-hand` there again"
        )
        raise JoinError(message) from problem
    except ConnectError as problem:
        message = f"{problem}. Run `exo invite --by-hand` there again"
        raise JoinError(message) from problem
    finally:
        answer.close()
    try:
        return replace(await _join_over(link, offer.code, newcomer), link=link)
    except BaseException:
        await link.close()
        raise


async def _answered(offer: CarriedOffer, newcomer: Newcomer) -> HandAnswer:
    if offer.transport not in newcomer.options.transports:
        message = f"the offer is made with another transport than is chosen here: add --transport {offer.transport}"
        raise JoinError(message)
    transport = _dialers(offer.code.joiner(newcomer.node_key), newcomer.options, newcomer.plugins)[offer.transport]
    if not isinstance(transport, AnswersByHand):
        message = f"the transport {offer.transport} of this machine makes no links by hand; update exo here"
        raise JoinError(message)
    try:
        return await transport.answer_by_hand(offer.message)
    except (WireError, ConnectError) as problem:
        message = f"the offer cannot be answered: {problem}. Run `exo invite --by-hand` there again"
        raise JoinError(message) from problem


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


async def _join_over(link: Link, code: JoinCode, newcomer: Newcomer) -> Joined:
    enrolment = await enroll(link, code, newcomer.node_key.node_id, newcomer.options.name)
    wanted = newcomer.options.consistency
    if wanted not in (None, enrolment.consistency):
        message = (
            f"--consistency {wanted}: the cluster of this join code keeps '{enrolment.consistency}', "
            "which was fixed when it was created; join without --consistency"
        )
        raise JoinError(message)
    cluster = adopt_cluster(newcomer.home, enrolment.secret)
    return Joined(cluster=cluster, tickets=enrolment.tickets, announcement="")


def _another(before: str | None, joined: Joined) -> bool:
    return before is not None and before != joined.cluster.cluster_id
