"""Real nodes on machines of a network of namespaces."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar, cast

import pytest

from exo_core.frozen import JsonValue
from exo_core.testing.network_namespaces import Machine, Network, a_network, why_not

EXO = str(Path(sys.executable).with_name("exo"))
PATIENCE_S = 60.0
JsonObject = dict[str, JsonValue]
ResultT = TypeVar("ResultT")


class LanNode:
    """`exo run` on a machine, without runners and HTTP. Commands reach it by its home, which all machines share."""

    def __init__(self, machine: Machine, home: Path, secret: str) -> None:
        self.machine = machine
        self._home = home
        self._environment = {**os.environ, "EXO_SECRET": secret}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        """Start it and do not wait."""
        words = [EXO, "run", "--home", str(self._home), "--name", self.machine.name, "--no-worker", "--no-api", "-v"]
        with self._home.with_suffix(".out").open("ab") as output:
            self._process = subprocess.Popen(
                self.machine.command(*words, *arguments), stdout=output, stderr=output, env=self._environment
            )

    @property
    def output(self) -> str:
        """All that it wrote."""
        return self._home.with_suffix(".out").read_text(errors="replace")

    def interrupt(self) -> None:
        """As a person stops it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)

    def wait(self) -> None:
        """Return once it has ended; by force if that takes too long."""
        if self._process is not None:
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)

    @property
    def status(self) -> JsonObject:
        """What `exo status --json` says; nothing while the node does not answer."""
        assert self._process is None or self._process.poll() is None, f"{self.machine.name} ended: {self.output}"
        command = [EXO, "status", "--json", "--home", str(self._home)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, env=self._environment)
        return cast("JsonObject", json.loads(answer.stdout)) if answer.returncode == 0 else {}

    def alive(self) -> list[str]:
        """Names of the members that it believes to be alive."""
        nodes = cast("dict[str, JsonObject]", self.status.get("nodes", {}))
        return sorted(str(node["name"]) for node in nodes.values() if node["alive"])

    def way_to(self, other: LanNode) -> tuple[str, str]:
        """Transport and address of its link to that node, as it measured itself last; empty words if there is none."""
        status = self.status
        nodes = cast("dict[str, JsonObject]", status.get("nodes", {}))
        ids = {str(node["name"]): node_id for node_id, node in nodes.items()}
        pair = sorted(ids.get(node.machine.name, "") for node in (self, other))
        for link in cast("list[JsonObject]", status.get("links", [])):
            if sorted((str(link["a"]), str(link["b"]))) == pair:
                return str(link["transport"]), str(link["address"])
        return "", ""


class Lan:
    """A network, and nodes of one cluster on it."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.network = network
        self._folder = folder
        self._secret = secrets.token_hex(32)
        self.nodes: list[LanNode] = []

    def node(self, machine: Machine, *, foreign: bool = False) -> LanNode:
        """A node that is not started yet; `foreign`: of a cluster of its own."""
        secret = secrets.token_hex(32) if foreign else self._secret
        node = LanNode(machine, self._folder / machine.name, secret)
        self.nodes.append(node)
        return node


@pytest.fixture
def lan(tmp_path: Path) -> Generator[Lan]:
    """An empty network; its nodes are stopped afterwards. Skips where there can be none."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with a_network() as network:
        found = Lan(network, tmp_path)
        try:
            yield found
        finally:
            for node in found.nodes:
                node.interrupt()
            for node in found.nodes:
                node.wait()


def eventually(look: Callable[[], ResultT | None], what: str, nodes: list[LanNode]) -> float:
    """Seconds until `look` gives something; fails with what the nodes wrote when that takes too long."""
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE_S:
        if look():
            return time.monotonic() - begun
        time.sleep(0.2)
    told = "\n".join(f"--- {node.machine.name}\n{node.output}" for node in nodes)
    message = f"not within {PATIENCE_S:.0f} s: {what}\n{told}"
    raise AssertionError(message)


@pytest.fixture
def until() -> Callable[[Callable[[], object], str, list[LanNode]], float]:
    """`eventually`, for tests."""
    return eventually
