"""Which link to each peer is the one that counts, when there may be several?

Every node numbers its introductions (Hello or Welcome) and sends a Hello only while it has no live link to that peer,
or over one that is better than the live link, and then says so. Hence the rules, the same at both ends:

1. A peer's introduction with a higher number than the one of the live link proves that the peer gave the live link up,
   or has a better one: the new link takes its place. A lower number is an echo of the past: the new link is refused as
   a duplicate.
2. When both sent a Hello and wait, that of the smaller node id counts: the smaller one refuses the other's as a
   duplicate, the larger one welcomes.
3. Numbers compare within one boot. A Hello of another boot makes us ask the live link: if it answers, two machines
   have one identity and the new one is refused by name; if not, the machine restarted and the new link replaces it.

4. A live link that gives its place to a better one *moves*: nothing new goes over it, what is open on it lives on, and
   it is closed once nothing is. Each side marks the end of what it sent over it (MOVED), and reads the better link only
   after that mark, so messages stay in order. A direct link is better than a relayed one; of two direct links the one
   whose ticket the peer names first. Who dialled the live link looks for a better one; both do when it is relayed.

So no link is closed in favour of another one while it carries anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, final

from exo_core.identifiers import NodeId
from exo_core.router.connection import Connection
from exo_core.router.peer_changes import PeerChanges
from exo_core.wire.hello import Hello

Verdict = Literal["take", "duplicate", "ask"]


def judge_hello(own_id: NodeId, live: Connection | None, *, hello_is_out: bool, hello: Hello) -> Verdict:
    """What to do with a Hello, by the rules above; `ask` means to ask the live link first."""
    if hello_is_out and own_id < hello.node_id and (live is None or live.hello.boot == hello.boot):
        return "duplicate"
    if live is None:
        return "take"
    if live.hello.boot != hello.boot:
        return "ask"
    return "take" if hello.link_number > live.peer_number else "duplicate"


@final
class LiveLinks:
    """The one live connection per peer, and the Hellos that wait for an answer."""

    def __init__(self, own_id: NodeId) -> None:
        self._own_id = own_id
        self._live: dict[NodeId, Connection] = {}
        self._moved: set[Connection] = set()
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

    def moved(self, node_id: NodeId) -> Sequence[Connection]:
        """Links to a peer whose place a better one took, and over which something is still open."""
        return [connection for connection in self._moved if connection.hello.node_id == node_id]

    def number(self) -> int:
        """The number of the next introduction. Draw it at the moment of sending."""
        self._last_number += 1
        return self._last_number

    def may_say_hello(self, node_id: NodeId, *, better: bool) -> bool:
        """Whether a Hello may go out to that peer now; `better`: over a link that is better than the live one."""
        return node_id not in self._hellos_out and (better or node_id not in self._live)

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

    def put(self, connection: Connection, *, better: bool) -> None:
        """This is the peer's live link now; the one whose place it takes moves if that works, and else is stopped."""
        node_id = connection.hello.node_id
        replaced = self._live.get(node_id)
        if better and replaced is not None and replaced.is_live:
            connection.take_over_from(replaced)
            self._moved.add(replaced)
            self._live[node_id] = connection
            return
        if replaced is not None:
            replaced.stop("the peer made a new one")
            self.changes.announce(node_id, reachable=False)
        self._live[node_id] = connection
        self.changes.announce(node_id, reachable=True)

    def remove(self, connection: Connection) -> bool:
        """That link died; whether it was the live one."""
        self._moved.discard(connection)
        node_id = connection.hello.node_id
        if self._live.get(node_id) is not connection:
            return False
        del self._live[node_id]
        self.changes.announce(node_id, reachable=False)
        return True
