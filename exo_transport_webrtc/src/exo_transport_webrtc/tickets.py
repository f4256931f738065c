"""How a way to somebody is written: `webrtc://NODE`, `webrtc://NODE/RUNNER`, either with `?via=wss://HOST:PORT`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from exo_core.errors import UserError
from exo_core.identifiers import NodeId
from exo_core.identity.leaf import RUNNER_PREFIX
from exo_core.transports import Peer, Ticket
from exo_transport_webrtc.webrtc_settings import parse_rendezvous

SCHEME = "webrtc"
_TICKET = re.compile(
    r"webrtc://(?P<node>[a-z2-7]{26})(?:/(?P<runner>[!->@-~]{1,128}))?(?:\?via=(?P<via>[!-~]{1,200}))?"
)


@dataclass(frozen=True)
class Address:
    """Whom to call, and at which rendezvous they can be met when no member passes the call on."""

    node_id: NodeId
    runner: str | None = None
    rendezvous: str | None = None

    @property
    def ticket(self) -> Ticket:
        """As a ticket."""
        runner = f"/{self.runner}" if self.runner else ""
        via = f"?via={self.rendezvous}" if self.rendezvous else ""
        return Ticket(f"{SCHEME}://{self.node_id}{runner}{via}")

    def peer(self, caller_role: str) -> Peer:
        """Who has to answer a caller of that role: a joiner is answered by the node as the one that invited it."""
        if caller_role in ("joiner", "inviter"):
            return Peer(node_id=self.node_id, role="inviter" if caller_role == "joiner" else "joiner")
        return Peer(node_id=self.node_id, role=f"{RUNNER_PREFIX}{self.runner}" if self.runner else "node")


def parse_ticket(text: str) -> Address:
    """Raises `ValueError` that says what to type."""
    found = _TICKET.fullmatch(text.strip())
    try:
        if found is not None:
            rendezvous = parse_rendezvous(found["via"]) if found["via"] else None
            return Address(NodeId(found["node"]), found["runner"], rendezvous)
    except UserError as problem:
        raise ValueError(str(problem)) from problem
    message = f"{text!r} is no address of exo's: write webrtc://NODE or webrtc://NODE?via=wss://HOST:PORT"
    raise ValueError(message)
