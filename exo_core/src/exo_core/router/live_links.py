"""Which link to each peer is the one that counts, when there may be several?

Every node numbers its introductions (Hello or Welcome) and sends a Hello only while it has no live link to that peer.
Hence the rules, the same at both ends:

1. A peer's introduction with a higher number than the one of the live link proves that the peer gave the live link up:
   the new link replaces it. A lower number is an echo of the past: the new link is refused as a duplicate.
2. When both sent a Hello and wait, that of the smaller node id counts: the smaller one refuses the other's as a
   duplicate, the larger one welcomes.
3. Numbers compare within one boot. A Hello of another boot makes us ask the live link: if it answers, two machines
   have one identity and the new one is refused by name; if not, the machine restarted and the new link replaces it.

So no link is closed in favour of another one once it carries anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, final

from exo_core.identifiers import NodeId
from exo_core.router.connection import Connection
from exo_core.router.peer_changes import PeerChanges
from exo_core.wire.hello import Hello

Verdict = Literal["take", "duplicate", "ask"]


def judge_hello(own_id: NodeId, live: Connection | None, *, hello_is_out: bool, hello: Hello) -> Verdict:
    """What to do with a Hello, by the rules above; `ask` means to ask the live link first."""
    if live is None:
        return "duplicate" if hello_is_out and own_id < hello.node_id else "take"
    if live.hello.boot != hello.boot:
        return "ask"
    return "take" if hello.link_number > live.peer_number else "duplicate"


@final
class LiveLinks:
    """The one live connection per peer, and the Hellos that wait for an answer."""

    def __init__(self, own_id: NodeId) -> None:
        self._own_id = own_id
        self._live: dict[NodeId, Connection] = {}
        self._hellos_out: set[NodeId] = set()
        self._last_number = 0
        self.changes = PeerChanges(lambda: self.reachable)

    @property
    def reachable(self) -> frozenset[NodeId]:
        """Peers with a live link."""
        return frozenset(self._live)

    @property
    def all(self) -> Mapping[NodeId, Connection]:
        """Live connections by peer."""
        return self._live

    def get(self, node_id: NodeId) -> Connection | None:
        """The live connection to a peer."""
        connection = self._live.get(node_id)
        return connection if connection is not None and connection.is_live else None

    def number(self) -> int:
        """The number of the next introduction. Draw it at the moment of sending."""
        self._last_number += 1
        return self._last_number

    def may_say_hello(self, node_id: NodeId) -> bool:
        """Whether a Hello may go out to that peer now."""
        return node_id not in self._live and node_id not in self._hellos_out

    def hello_out(self, node_id: NodeId) -> None:
        """A Hello goes out."""
        self._hellos_out.add(node_id)

    def hello_answered(self, node_id: NodeId) -> None:
        """It was answered, or never will be."""
        self._hellos_out.discard(node_id)

    def judge(self, hello: Hello) -> Verdict:
        """`judge_hello` for the present state."""
        node_id = hello.node_id
        return judge_hello(self._own_id, self.get(node_id), hello_is_out=node_id in self._hellos_out, hello=hello)

    def put(self, connection: Connection) -> None:
        """This is the peer's live link now; a link that it replaces is stopped."""
        node_id = connection.hello.node_id
        replaced = self._live.get(node_id)
        if replaced is not None:
            replaced.stop("the peer made a new one")
            self.changes.announce(node_id, reachable=False)
        self._live[node_id] = connection
        self.changes.announce(node_id, reachable=True)

    def remove(self, connection: Connection) -> bool:
        """That link died; whether it was the live one."""
        node_id = connection.hello.node_id
        if self._live.get(node_id) is not connection:
            return False
        del self._live[node_id]
        self.changes.announce(node_id, reachable=False)
        return True
