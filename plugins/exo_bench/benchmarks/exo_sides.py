"""exo's nodes, from their start to their end: a model on one, or split over two with a core each."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cores import on_core

from exo_bench.chat_server import ChatServer
from exo_core.testing.node_process import NodeProcess, wait_until_met


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A model that answers. `nodes` in the order of its stages."""

    server: ChatServer
    model: str
    instance: str
    nodes: tuple[NodeProcess, ...]

    @property
    def runner_pids(self) -> tuple[int, ...]:
        """The processes that hold the model."""
        return tuple(process.pid for node in self.nodes for process in node.runner_processes())


@contextmanager
def one_stage(model: Path | str, environment: Mapping[str, str], *, core: int | None = None) -> Generator[Placed]:
    """The whole model on one node."""
    with tempfile.TemporaryDirectory() as folder:
        node = NodeProcess(Path(folder) / "alone", "alone", environment=dict(environment))
        try:
            with on_core(core):
                node.start()
            yield _placed(str(model), [node])
        finally:
            node.power_off()


@contextmanager
def two_stages(model: Path | str, environment: Mapping[str, str], *, pinned: bool = True) -> Generator[Placed]:
    """Half of the model on each of two nodes, the first of which is asked; `pinned`: each on a core of its own."""
    with tempfile.TemporaryDirectory() as folder:
        nodes = [NodeProcess(Path(folder) / name, name, environment=dict(environment)) for name in ("first", "second")]
        try:
            with on_core(0 if pinned else None):
                nodes[0].start()
            with on_core(1 if pinned else None):
                nodes[1].start("--join", nodes[0].invite())
            wait_until_met(nodes)
            yield _placed(str(model), nodes, "--min-nodes", "2")
        finally:
            for node in nodes:
                node.power_off()


def _placed(model: str, nodes: list[NodeProcess], *arguments: str) -> Placed:
    instance = nodes[0].place(model, *arguments)
    return Placed(server=ChatServer(nodes[0].url), model=model, instance=instance, nodes=tuple(nodes))
