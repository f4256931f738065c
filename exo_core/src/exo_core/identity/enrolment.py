"""The joiner's side: turn a join code into the cluster's secret."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from exo_core.errors import ConnectError, JoinError, LinkClosed, WireError
from exo_core.identifiers import NodeId
from exo_core.identity.enrolment_messages import (
    Consistency,
    EnrolmentGrant,
    EnrolmentRefusal,
    EnrolmentRequest,
    EnrolmentStay,
    decode_enrolment,
    encode_enrolment,
)
from exo_core.identity.invitations import ANSWER_SECONDS, enrolment_proof
from exo_core.identity.join_code import JoinCode
from exo_core.identity.member_link import MemberLink
from exo_core.identity.secret import ClusterSecret
from exo_core.transports import Link, Ticket


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """What makes this machine a member, and where it finds the member that invited it."""

    secret: ClusterSecret
    consistency: Consistency
    inviter: NodeId
    tickets: tuple[Ticket, ...]


async def enroll(link: Link, code: JoinCode, joiner: NodeId, name: str) -> Enrolment:
    """Ask the inviter at the other end, under role `joiner`; `name` is this machine's, for people.

    The secret is accepted only if the authority that follows from it is the one whose fingerprint the code carries.
    Raises `JoinError` when refused, when the secret is another cluster's, or when the answer does not come.
    """
    request = EnrolmentRequest(proof=enrolment_proof(code.token, joiner), name=name[:128])
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await link.send(encode_enrolment(request))
            answer = decode_enrolment(await link.receive())
    except (LinkClosed, TimeoutError, WireError) as problem:
        message = f"{link.address} broke off while we joined ({problem or 'no answer'}). Try the same join code again"
        raise JoinError(message) from problem
    if isinstance(answer, EnrolmentRefusal):
        message = f"{link.address} refused: {answer.reason}"
        raise JoinError(message)
    return _checked(answer, link, code)


async def stay(link: Link) -> MemberLink:
    """Go on over the link by which we were admitted, now that we run as a member. Raises `LinkClosed`."""
    await link.send(encode_enrolment(EnrolmentStay()))
    return MemberLink(link)


async def join(code: JoinCode, joiner: NodeId, name: str, connect: Callable[[Ticket], Awaitable[Link]]) -> Enrolment:
    """Try the code's addresses in turn, and enroll at the first that answers.

    `connect` makes a link with the identity `code.joiner(node_key)`. Raises `JoinError`.
    """
    failures: list[str] = []
    for ticket in code.tickets:
        try:
            link = await connect(ticket)
        except (ConnectError, ValueError) as problem:
            failures.append(f"{ticket}: {problem}")
            continue
        try:
            return await enroll(link, code, joiner, name)
        finally:
            await link.close()
    raise JoinError(_nobody(code, failures))


def _checked(answer: object, link: Link, code: JoinCode) -> Enrolment:
    if not isinstance(answer, EnrolmentGrant):
        message = f"{link.address} did not answer the join request. Run `exo invite` again"
        raise JoinError(message)
    secret = ClusterSecret(answer.secret)
    if not code.is_for(secret.authority):
        message = f"{link.address} offered another cluster than the join code names; nothing was changed"
        raise JoinError(message)
    return Enrolment(secret=secret, consistency=answer.consistency, inviter=link.peer.node_id, tickets=answer.tickets)


def _nobody(code: JoinCode, failures: list[str]) -> str:
    if not failures:
        return "the join code holds no address. Run `exo invite` again on a machine that is connected to a network"
    expired = " The code seems to have expired." if time.time() > code.expires_at else ""
    return (
        f"nobody who knows the join code was reached ({'; '.join(failures)}).{expired} "
        "Check that exo runs on the machine that made it and that this one can reach it, or run `exo invite` again"
    )
