"""The join codes that this node has made and can still be asked about; they live in its memory only.

A code admits one machine. Whoever presents a used or expired one is told so, for as long as the code is remembered.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from exo_core.errors import LinkClosed, WireError
from exo_core.identifiers import NodeId
from exo_core.identity.enrolment_messages import (
    Consistency,
    EnrolmentGrant,
    EnrolmentMessage,
    EnrolmentRefusal,
    EnrolmentRequest,
    EnrolmentStay,
    decode_enrolment,
    encode_enrolment,
)
from exo_core.identity.join_code import JoinCode
from exo_core.identity.leaf import own_identity
from exo_core.identity.member_link import MemberLink
from exo_core.identity.node_key import NodeKey
from exo_core.identity.secret import ClusterSecret, derive
from exo_core.transports import Accept, Identity, Link, Ticket

logger = logging.getLogger(__name__)

DEFAULT_MINUTES = 60
ANSWER_SECONDS = 10.0
START_SECONDS = 60.0
"""How long a joiner that keeps its link may take to run as a member."""

MAXIMUM_REMEMBERED = 64
MAXIMUM_TOLD = 16
"""How many of the inviter's tickets a joiner is told."""

EXPLAINED_SECONDS = 600.0
"""How long after its expiry the holder of a code is waited for where waiting costs something."""

REMEMBERED_SECONDS = 24 * 3600.0
"""How long after its expiry a code is still recognised, so that its holder is told why it is refused."""


@dataclass(kw_only=True)
class _Invitation:
    code: JoinCode
    identity: Identity
    expires: float
    used_by: NodeId | None = None
    used_by_name: str = ""


def enrolment_proof(token: bytes, joiner: NodeId) -> bytes:
    """What a joiner sends to show which code it holds; useless to anybody but that joiner."""
    return derive(token, f"enrolment proof of {joiner}", 32)


@final
class Invitations:
    """Makes join codes and admits who holds them. All methods belong to the node's event loop."""

    def __init__(
        self,
        secret: ClusterSecret,
        node_key: NodeKey,
        *,
        consistency: Callable[[], Consistency] = lambda: "availability",
        monotonic: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`consistency` gives the cluster's.

        `wall_clock` only dates the code for people; a code's life is counted by `monotonic`.
        """
        self._secret = secret
        self._node_key = node_key
        self._consistency = consistency
        self._monotonic = monotonic
        self._wall_clock = wall_clock
        self._invitations: dict[str, _Invitation] = {}

    def invite(self, tickets: Sequence[Ticket], *, minutes: float = DEFAULT_MINUTES) -> JoinCode:
        """A new code that admits one machine within that time. Only the last MAXIMUM_REMEMBERED codes work."""
        seconds = minutes * 60
        code = JoinCode.new(
            tickets=tickets, authority=self._secret.authority, expires_at=int(self._wall_clock() + seconds)
        )
        authority = code.authority
        self._forget_old()
        self._invitations[authority.name] = _Invitation(
            code=code,
            identity=own_identity(authority, self._node_key, "inviter"),
            expires=self._monotonic() + seconds,
        )
        return code

    def identity_named(self, name: str) -> Identity | None:
        """For `TransportContext`: what to answer a joiner with who asks for that authority."""
        self._forget_old()
        invitation = self._invitations.get(name)
        return invitation.identity if invitation else None

    @property
    def identities(self) -> Sequence[Identity]:
        """For `TransportContext`: what to answer holders of codes with, also of those that expired a moment ago."""
        horizon = self._monotonic() - EXPLAINED_SECONDS
        return [item.identity for item in self._invitations.values() if item.expires > horizon]

    async def admit(self, link: Link, tickets: Sequence[Ticket], *, keep: Accept | None = None) -> NodeId | None:
        """Answer the joiner at the other end of a link with role `joiner`; its node id when it was admitted.

        A joiner that has no other way to us keeps the link: `keep` then serves it on, as one between members.

        The code counts as used from the moment at which the secret is sent, so that a stolen code shows: its owner is
        refused. The same machine may ask again, should the answer have been lost. Raises `LinkClosed`, and `WireError`
        when the other side says anything else.
        """
        request = await _request(link)
        if link.peer.role != "joiner" or not isinstance(request, EnrolmentRequest):
            message = f"a {link.peer.role} said {request.kind} where a joiner's request belongs"
            raise WireError(message)
        invitation = self._proven(request, link.peer.node_id)
        reason = self._refusal(invitation, link.peer.node_id)
        if invitation is None or reason:
            logger.warning("refused to admit %s (%s): %s", link.peer.node_id, link.address, reason)
            await link.send(encode_enrolment(EnrolmentRefusal(reason=reason)))
            return None
        invitation.used_by, invitation.used_by_name = link.peer.node_id, request.name
        await link.send(encode_enrolment(self._grant(tickets)))
        logger.info("admitted %s, %r, from %s", link.peer.node_id, request.name, link.address)
        if await _stays(link) and keep is not None:
            await keep(MemberLink(link))
        return link.peer.node_id

    def _grant(self, tickets: Sequence[Ticket]) -> EnrolmentGrant:
        return EnrolmentGrant(
            secret=self._secret.reveal(), consistency=self._consistency(), tickets=tuple(tickets[:MAXIMUM_TOLD])
        )

    def _proven(self, request: EnrolmentRequest, joiner: NodeId) -> _Invitation | None:
        """The code that the joiner holds. Its link may be under any live code, so the request itself says which."""
        for invitation in self._invitations.values():
            if hmac.compare_digest(request.proof, enrolment_proof(invitation.code.token, joiner)):
                return invitation
        return None

    def _refusal(self, invitation: _Invitation | None, joiner: NodeId) -> str:
        """Why not, or the empty string."""
        again = "Run `exo invite` on a member for a new one"
        if invitation is None:
            return f"this node does not know the join code. {again}"
        if invitation.used_by not in {None, joiner}:
            return f"the join code was already used, by {invitation.used_by_name!r} ({invitation.used_by}). {again}"
        if self._monotonic() >= invitation.expires:
            return f"the join code has expired. {again}"
        return ""

    def _forget_old(self) -> None:
        horizon = self._monotonic() - REMEMBERED_SECONDS
        kept = [item for item in self._invitations.items() if item[1].expires > horizon]
        self._invitations = dict(kept[-MAXIMUM_REMEMBERED:])


async def _request(link: Link) -> EnrolmentMessage:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return decode_enrolment(await link.receive())
    except TimeoutError as problem:
        message = "a joiner sent no request"
        raise WireError(message) from problem


async def _stays(link: Link) -> bool:
    """Whether the joiner keeps the link; else wait until it hangs up, so that closing our end overtakes nothing."""
    try:
        async with asyncio.timeout(START_SECONDS):
            said = decode_enrolment(await link.receive())
    except (LinkClosed, TimeoutError):
        return False
    if isinstance(said, EnrolmentStay):
        return True
    message = "a joiner said more than its request"
    raise WireError(message)
