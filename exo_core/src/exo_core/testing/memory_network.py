"""A transport whose network is a Python object: links within one process, with faults on demand.

    network = MemoryNetwork(seed=1)
    transport = network.transport(TransportContext(identity=...))
    network.partition(a, b)        # neither hears the other; what is sent waits
    network.drop(a, b)             # their links die

Faults are between nodes, by id. A partition holds messages up, as TCP does; it loses none.
"""

from __future__ import annotations

from typing import final

from exo_core.errors import AuthenticationError, ConnectError
from exo_core.identifiers import NodeId
from exo_core.testing.memory_faults import Faults
from exo_core.testing.memory_pipe import Pipe
from exo_core.testing.memory_transport import Listener, MemoryTransport
from exo_core.transports import Identity, Peer, TransportContext


@final
class MemoryNetwork:
    """Where memory transports meet. `seed` decides the jitter of delays."""

    def __init__(self, seed: int = 0) -> None:
        self.faults = Faults(seed)
        self.listeners: dict[str, Listener] = {}
        self._pipes: list[Pipe] = []
        self._next_port = 1

    def transport(self, context: TransportContext) -> MemoryTransport:
        """A transport named `memory` for one party."""
        return MemoryTransport(self, context)

    def partition(self, a: NodeId, b: NodeId, *, one_way: bool = False) -> None:
        """What `a` sends does not reach `b`, nor the other way round unless `one_way`."""
        self.faults.cut(a, b)
        if not one_way:
            self.faults.cut(b, a)

    def heal(self, a: NodeId | None = None, b: NodeId | None = None) -> None:
        """End the partition between two nodes, or every one."""
        if a is None or b is None:
            self.faults.join_all()
        else:
            self.faults.join(a, b)
            self.faults.join(b, a)
        self._wake()

    def delay(self, a: NodeId, b: NodeId, seconds: float, *, jitter: float = 0.0) -> None:
        """Messages between two nodes take that long, each way."""
        self.faults.set_delay(a, b, seconds, jitter)
        self.faults.set_delay(b, a, seconds, jitter)

    def throttle(self, a: NodeId, b: NodeId, bytes_per_s: float) -> None:
        """Between two nodes go at most that many bytes a second, each way."""
        self.faults.set_speed(a, b, bytes_per_s)
        self.faults.set_speed(b, a, bytes_per_s)

    def drop(self, a: NodeId, b: NodeId) -> None:
        """The links between two nodes die now, at both ends; new ones can be made."""
        self._drop([pipe for pipe in self._pipes if {pipe.source, pipe.target} == {a, b}])

    def kill(self, node_id: NodeId) -> None:
        """A process is gone: its links die, and nobody answers at its addresses."""
        self._stop_listening(node_id)
        self._drop([pipe for pipe in self._pipes if node_id in (pipe.source, pipe.target)])

    def lose_power(self, node_id: NodeId) -> None:
        """A machine is gone: nobody answers at its addresses, and nobody is told; its links stay silent for ever."""
        self._stop_listening(node_id)
        for pipe in self._pipes:
            if node_id in (pipe.source, pipe.target):
                pipe.mute()

    def open_links(self) -> int:
        """How many links live now."""
        return sum(not pipe.is_over for pipe in self._pipes) // 2

    def pipe_pair(self, dialler: NodeId, listener: NodeId) -> tuple[Pipe, Pipe]:
        """Two fresh directions, there and back. For the transport."""
        self._pipes = [pipe for pipe in self._pipes if not pipe.is_over]
        there, back = Pipe(self.faults, dialler, listener), Pipe(self.faults, listener, dialler)
        self._pipes += [there, back]
        return there, back

    def free_port(self) -> int:
        """A port number nobody had yet. For the transport."""
        self._next_port += 1
        return self._next_port

    def agree(self, dialler: Identity, address: str, expect: Peer | None) -> tuple[Listener, Peer]:
        """The listener at `address` and who it proves to be. Raises `ConnectError`, `AuthenticationError`."""
        listener = self.listeners.get(address)
        if listener is None:
            message = f"nobody listens at memory://{address}"
            raise ConnectError(message)
        answer = listener.identity_for(dialler.authority_name)
        if answer is None or answer.authority_pem != dialler.authority_pem:
            message = f"memory://{address} belongs to another cluster: it does not know {dialler.authority_name}"
            raise AuthenticationError(message)
        peer = Peer(node_id=answer.node_id, role=answer.role)
        if expect is not None and peer != expect:
            message = f"memory://{address} is {peer.node_id} ({peer.role}), not {expect.node_id} ({expect.role})"
            raise AuthenticationError(message)
        return listener, peer

    def _stop_listening(self, node_id: NodeId) -> None:
        for address in [address for address, listener in self.listeners.items() if listener.node_id == node_id]:
            del self.listeners[address]

    def _drop(self, pipes: list[Pipe]) -> None:
        for pipe in pipes:
            pipe.drop()

    def _wake(self) -> None:
        for pipe in self._pipes:
            pipe.wake_both()
