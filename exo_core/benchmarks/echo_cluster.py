"""Real nodes with the echo backend: what the control plane is measured on."""

from __future__ import annotations

import tempfile
import time
import urllib.error
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from exo_core.testing.chaos.chaos import Chaos
from exo_core.testing.echo_model import EchoConfig, write_echo_model
from exo_core.testing.node_process import NodeProcess, eventually, joined
from exo_core.testing.plugin_folder import with_plugins
from exo_core.testing.reliability.flooding import PLUGIN

TCP = "exo_transport_tcp.transport:TcpTransport"
PLUGINS = {
    "chaos": "exo_core.testing.chaos.plugin",
    "echo": "exo_core.testing.echo_plugin",
    **PLUGIN,
}
LOOK_S = 0.01


@dataclass(frozen=True, kw_only=True)
class EchoCluster:
    """`model` is a folder that any node can place."""

    nodes: list[NodeProcess]
    chaos: Chaos
    model: str

    def others(self, node: NodeProcess) -> list[NodeProcess]:
        """All but this one."""
        return [other for other in self.nodes if other is not node]

    def master(self) -> NodeProcess:
        """Who leads; waits until all agree and have one log."""
        return eventually(self._agreed_master, "one master and one log")

    def agree(self) -> bool:
        """Whether all have one master and one log."""
        return self._agreed_master() is not None

    def _agreed_master(self) -> NodeProcess | None:
        names = sorted(node.name for node in self.nodes)
        try:
            states = [node.state for node in self.nodes]
            if any(node.alive_nodes() != names for node in self.nodes):
                return None
        except (urllib.error.URLError, OSError):
            return None
        if len({str((state["master"], state["log"])) for state in states}) > 1:
            return None
        by_id = {str(state["node_id"]): node for state, node in zip(states, self.nodes, strict=True)}
        return by_id.get(str(states[0]["master"]))


@contextmanager
def echo_cluster(size: int, *, transport: str = "tcp", config: EchoConfig | None = None) -> Generator[EchoCluster]:
    """That many nodes that have met; `chaos` does something if that is their transport."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chaos = Chaos(folder / "faults.json", wraps=TCP)
        environment = {**with_plugins(folder / "plugins", PLUGINS), **chaos.environment}
        options = ("--transport", transport, "--backend", "echo")
        nodes = [
            NodeProcess(folder / f"node-{at}", f"node-{at}", *options, environment=environment) for at in range(size)
        ]
        try:
            joined(nodes)
            yield EchoCluster(nodes=nodes, chaos=chaos, model=str(write_echo_model(folder / "echo", config)))
        finally:
            for node in nodes:
                node.power_off()


def seconds_until(look: Callable[[], bool], what: str, *, limit: float = 60.0) -> float:
    """How long that takes from now, looked at every hundredth of a second."""
    begun = time.monotonic()
    while not look():
        if time.monotonic() - begun > limit:
            raise AssertionError(what)
        time.sleep(LOOK_S)
    return time.monotonic() - begun
