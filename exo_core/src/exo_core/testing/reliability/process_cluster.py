"""A cluster of real nodes with replicas of `tiny`, over a network that is made slow; and its undisturbed answers."""

from __future__ import annotations

import contextlib
import time
import urllib.error
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from exo_core.cli.documents import as_object, as_text, named_objects, objects
from exo_core.frozen import JsonObject, JsonValue
from exo_core.testing.chaos.chaos import Chaos, parting
from exo_core.testing.chaos.faults import Fault
from exo_core.testing.node_process import NodeProcess, eventually, joined
from exo_core.testing.plugin_folder import with_plugins
from exo_core.testing.reliability.recorded_stream import RecordedStream, Token
from exo_core.testing.reliability.sameness import sameness
from exo_core.testing.reliability.tally import Tally

NAMES = ("alpha", "beta", "gamma", "delta", "epsilon")
PROMPTS = ("What is exo?", "Hello!", "What is a cluster?", "Who are you?", "What can you do?")
PACE = Fault(links="runner", delay_s=0.01)
"""Slows a pipeline of two stages to at most 50 tokens a second: no stream is over before the next blow of a storm."""
HELD = Fault(links="runner", delay_s=0.2)
"""While streams begin and until the blows are over, so that on the slowest machine none ends before."""
PATIENCE_S = 180.0


@dataclass
class Faults:
    """When something was done to the cluster, on `time.monotonic`."""

    moments: list[float] = field(default_factory=list[float])

    def happen(self) -> None:
        """Now."""
        self.moments.append(time.monotonic())


@final
class ProcessCluster:
    """`nodes` that have met and hold `instances`, each a pipeline over two neighbours. `tally`: what `crossing` saw."""

    def __init__(
        self, folder: Path, size: int, *, wraps: str, environment: Mapping[str, str] | None = None, tokens: int = 75
    ) -> None:
        """`wraps`: the transport that they use, as `package.module:factory`. `tokens`: of each answer."""
        self.tokens = tokens
        self.tally = Tally()
        self.instances: list[str] = []
        self.chaos = Chaos(folder / "faults.json", wraps=wraps)
        plugins = with_plugins(folder / "plugins", {"chaos": "exo_core.testing.chaos.plugin"})
        everything = {**plugins, **self.chaos.environment, **(environment or {})}
        self.nodes = [
            NodeProcess(folder / name, name, "--transport", "chaos", environment=everything) for name in NAMES[:size]
        ]
        self._references: dict[str, list[Token]] = {}

    @contextmanager
    def running(self) -> Generator[ProcessCluster]:
        """Start all, place an instance on each pair of neighbours, ask what the answers are; power off at the end."""
        try:
            joined(self.nodes)
            for one, other in zip(self.nodes, [*self.nodes[1:], self.nodes[0]], strict=True):
                self.instances.append(one.place("tiny", "--min-nodes", "2", "--nodes", f"{one.name},{other.name}"))
            self._ask_undisturbed()
            yield self
        finally:
            for node in self.nodes:
                with contextlib.suppress(ProcessLookupError, AssertionError):
                    node.resume()
                node.power_off()

    def _ask_undisturbed(self) -> None:
        for prompt in PROMPTS:
            stream = RecordedStream(self.nodes[0], prompt, tokens=self.tokens)
            stream.wait_for_end()
            assert stream.is_complete, stream.error
            assert len(stream.tokens) == self.tokens
            self._references[prompt] = stream.tokens

    @contextmanager
    def crossing(self, what: str, *, gateways: Sequence[NodeProcess], streams: int) -> Generator[Faults]:
        """Streams that all have begun while the body does its worst, and that are judged when they have ended.

        The body must leave the gateways alone, and say `happen()` at each of its faults.
        """
        self.chaos.put(HELD)
        running = [
            RecordedStream(gateways[at % len(gateways)], PROMPTS[at % len(PROMPTS)], tokens=self.tokens)
            for at in range(streams)
        ]
        for stream in running:
            stream.wait_for_tokens(2)
        faults = Faults()
        yield faults
        self.chaos.put(PACE)
        for stream in running:
            stream.wait_for_end()
        self.chaos.heal()
        for stream in running:
            self.tally.add(stream, self._references[stream.prompt], faults.moments, what)

    def part(self, node: NodeProcess) -> None:
        """Nothing that nodes say passes between this one and the others; stages still hear each other."""
        self.chaos.put(HELD, *parting([node.node_id], [other.node_id for other in self.others(node)], links="node"))

    def heal(self) -> None:
        """Undo `part`."""
        self.chaos.put(HELD)

    # how it is -----------------------------------------------------------------------------------------------------

    @property
    def master(self) -> NodeProcess:
        """The node that leads. Raises `AssertionError` when there is none for long."""
        return eventually(self._master, "a master that all know", seconds=PATIENCE_S)

    def _master(self) -> NodeProcess | None:
        found = {node.master for node in self.nodes}
        return next((node for node in self.nodes if found == {node.node_id}), None)

    def others(self, *nodes: NodeProcess) -> list[NodeProcess]:
        """All but these."""
        return [node for node in self.nodes if node not in nodes]

    def runner_pids(self) -> dict[str, list[int]]:
        """The runner processes of each node."""
        return {node.name: sorted(runner.pid for runner in node.runner_processes()) for node in self.nodes}

    def generations(self, *, without: Sequence[NodeProcess] = ()) -> dict[str, JsonValue]:
        """Of each instance that has no shard on those nodes; another one means that a stage or its link began anew."""
        hit = {node.node_id for node in without}
        return {
            name: instance["generation"]
            for name, instance in named_objects(self.nodes[0].state["instances"])
            if hit.isdisjoint(as_text(shard["node_id"]) for shard in objects(instance["shards"]))
        }

    def check_answers(self) -> None:
        """Ask all once more. Raises `AssertionError` unless the answers are the undisturbed ones."""
        for prompt, reference in self._references.items():
            stream = RecordedStream(self.nodes[0], prompt, tokens=self.tokens)
            stream.wait_for_end()
            assert stream.is_complete, stream.error
            assert sameness(stream.tokens, reference, is_complete=True) != "different", prompt

    def cut_power(self) -> None:
        """Every node and every runner ends at one moment."""
        for process in [process for node in self.nodes for process in (*node.runner_processes(), node.process)]:
            process.kill()
        for node in self.nodes:
            node.kill()

    def start_all(self) -> None:
        """All at once, as when the power is back."""
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_until_healthy()

    def until_whole(self) -> None:
        """Wait until all nodes know one master and one log, and every instance is ready."""
        try:
            eventually(self._is_whole, "the cluster is whole again", seconds=PATIENCE_S)
        except AssertionError as problem:
            states = [self._summary(node) for node in self.nodes]
            raise AssertionError("\n".join([str(problem), *states])) from problem

    def _is_whole(self) -> bool:
        names = sorted(node.name for node in self.nodes)
        try:
            states = [node.state for node in self.nodes]
            return (
                all(node.alive_nodes() == names for node in self.nodes)
                and len({str((state["master"], state["log"])) for state in states}) == 1
                and all(self._serves_all(state) for state in states)
            )
        except (urllib.error.URLError, OSError):
            return False

    def _serves_all(self, state: JsonObject) -> bool:
        instances, runners = as_object(state["instances"]), named_objects(state["runners"])
        return sorted(instances) == sorted(self.instances) and all(
            as_text(item["status"]) == "ready" for _, item in (*named_objects(state["instances"]), *runners)
        )

    @staticmethod
    def _summary(node: NodeProcess) -> str:
        try:
            state = node.state
        except (urllib.error.URLError, OSError) as problem:
            return f"{node.name}: {problem}\n{node.output[-3000:]}"
        said = [(name, item["status"], item["detail"]) for name, item in named_objects(state["instances"])]
        said += [(name, item["status"], item["detail"]) for name, item in named_objects(state["runners"])]
        return f"{node.name}: master {state['master']}, log {state['log']}, sees {node.alive_nodes()}, {said}"
