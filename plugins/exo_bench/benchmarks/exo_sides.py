"""exo's nodes, from their start to their end: a model on one, or split over two with a core each."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast
from urllib.parse import quote

from cores import on_core

from exo_bench.chat_server import ChatServer
from exo_core.cli.documents import as_list, as_object, as_text
from exo_core.frozen import JsonObject
from exo_core.testing.node_process import NodeProcess, eventually, wait_until_met
from exo_rendezvous.testing.rendezvous_process import rendezvous_process


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A model that answers. `nodes` in the order of its stages."""

    server: ChatServer
    model: str
    instance: str
    nodes: tuple[NodeProcess, ...]

    def with_chunk(self, tokens: int) -> Placed:
        """The same model on the same nodes, its prompts read in chunks of so many tokens. The old one is removed."""
        previews = cast("list[JsonObject]", self.nodes[0].get(f"/instance/previews?model_id={quote(self.model)}"))
        fitting = [as_object(preview["placement"]) for preview in previews if _stages(preview) == len(self.nodes)]
        self.nodes[0].delete(f"/instance/{self.instance}")
        wish: JsonObject = {"model_id": self.model, "placement": {**fitting[0], "prefill_chunk": tokens}}
        instance = as_text(self.nodes[0].post("/instance", wish)["instance_id"])
        eventually(lambda: self.nodes[0].instance(instance).get("status") == "ready", "the model answers", seconds=180)
        return replace(self, instance=instance)

    @property
    def remark(self) -> str:
        """How the first stage sends to the second, in its own words."""
        runners = self.nodes[0].runners(self.instance)
        first = as_text(as_object(as_list(self.nodes[0].instance(self.instance)["shards"])[0])["runner_id"])
        return eventually(lambda: as_text(runners[first].get("detail")) or None, "the runner says how it sends")

    @property
    def runner_pids(self) -> tuple[int, ...]:
        """The processes that hold the model."""
        return tuple(process.pid for node in self.nodes for process in node.runner_processes())


@contextmanager
def one_stage(model: Path | str, environment: Mapping[str, str], *, core: int | None = None) -> Generator[Placed]:
    """The whole model on one node."""
    end_with_us()
    with tempfile.TemporaryDirectory() as folder:
        node = NodeProcess(Path(folder) / "alone", "alone", environment=dict(environment))
        try:
            with on_core(core):
                node.start()
            yield _placed(str(model), [node])
        finally:
            node.power_off()


@contextmanager
def two_stages(
    model: Path | str, environment: Mapping[str, str], *arguments: str, pinned: bool = True
) -> Generator[Placed]:
    """Half of the model on each of two nodes, the first of which is asked; `pinned`: each on a core of its own.

    `arguments` are for `exo run`.
    """
    end_with_us()
    with tempfile.TemporaryDirectory() as folder:
        nodes = [
            NodeProcess(Path(folder) / name, name, *arguments, environment=dict(environment))
            for name in ("first", "second")
        ]
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


@contextmanager
def rendezvous() -> Generator[Mapping[str, str]]:
    """A place to meet for nodes that are linked by webrtc alone; what they are told of it."""
    with rendezvous_process() as url:
        yield {"EXO_WEBRTC_RENDEZVOUS": url}


def end_with_us() -> None:
    """SIGTERM ends this script as Ctrl-C does, and so all that it started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _placed(model: str, nodes: list[NodeProcess], *arguments: str) -> Placed:
    instance = nodes[0].place(model, *arguments)
    return Placed(server=ChatServer(nodes[0].url), model=model, instance=instance, nodes=tuple(nodes))


def _stages(preview: JsonObject) -> int:
    return len(as_list(as_object(preview["placement"]).get("shards")))
