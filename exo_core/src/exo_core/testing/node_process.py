"""Real nodes as a person starts them: `exo run` in processes of their own, on this machine, joined by codes.

For tests of whole clusters, ours and plugin authors'. Needs the `exo` script and a transport in the environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import psutil

from exo_core.frozen import JsonValue

EXO = str(Path(sys.executable).with_name("exo"))
JsonObject = dict[str, JsonValue]
ResultT = TypeVar("ResultT")

THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Equal everywhere, so that greedy text is the same bit for bit (docs: sameness)."""


LONGEST_LOOK_S = 5.0
"""Who needed longer for a look was held up."""


def free_port() -> int:
    """A TCP port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast("int", probe.getsockname()[1])


def eventually(look: Callable[[], ResultT | None], what: str, *, seconds: float = 60.0) -> ResultT:
    """What `look` gives once it is something; fails the test when that takes too long.

    A machine that sleeps or was stopped in between has had no time to get there: that does not count.
    """
    left = seconds
    while left > 0:
        looked_at = time.monotonic()
        found = look()
        if found:
            return found
        time.sleep(0.05)
        left -= min(time.monotonic() - looked_at, LONGEST_LOOK_S)
    message = f"not within {seconds:.0f} s: {what}"
    raise AssertionError(message)


class NodeProcess:
    """One `exo run`. `home` outlives the process, so that a node can come back."""

    def __init__(self, home: Path, name: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.home = home
        self.name = name
        self.port = free_port()
        self._node_port = free_port()
        self._arguments = arguments
        self._environment = {**os.environ, **THREADS, **(environment or {})}
        self._output = home.with_suffix(".out")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> NodeProcess:
        """Start it and wait until it serves."""
        self.launch(*arguments)
        self.wait_until_healthy()
        return self

    def wait_until_healthy(self) -> None:
        """Wait until it serves."""
        eventually(self._is_healthy, f"{self.name} serves", seconds=60)

    def launch(self, *arguments: str, stdin: int | None = None) -> subprocess.Popen[bytes]:
        """Start it and do not wait. `stdin`: a descriptor from which it reads, instead of ours."""
        command = [
            EXO,
            "run",
            "--home",
            str(self.home),
            "--name",
            self.name,
            "--listen",
            f"127.0.0.1:{self._node_port}",
        ]
        command += ["--api-port", str(self.port), "-v", *self._arguments, *arguments]
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(command, stdin=stdin, stdout=output, stderr=output, env=self._environment)
        return self._process

    @property
    def output(self) -> str:
        """All that it wrote; nothing before it was started."""
        return self._output.read_text(errors="replace") if self._output.exists() else ""

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process."""
        assert self._process is not None, "the node was not started"
        return self._process

    def _is_healthy(self) -> bool:
        assert self.process.poll() is None, f"{self.name} ended: {self.output}"
        try:
            return self.get("/health")["status"] == "ok"
        except (urllib.error.URLError, OSError):
            return False

    @property
    def url(self) -> str:
        """Where its HTTP is."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> int:
        """As a person does; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=10)

    def kill(self) -> None:
        """As a power cut does; nothing happens if it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)

    def power_off(self) -> None:
        """End the node and its runners at one moment, as a power cut of the whole machine does."""
        if self._process is None or self._process.poll() is not None:
            return
        family = [psutil.Process(self._process.pid), *self.runner_processes()]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(timeout=10)

    def pause(self) -> None:
        """Stop it where it stands, as a machine that sleeps; its runners go on."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def runner_processes(self) -> list[psutil.Process]:
        """The processes that it started and that still run."""
        try:
            return psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return []

    def exo(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command on this node's home."""
        environment = {**self._environment, "EXO_HOME": str(self.home)}
        result = subprocess.run(
            [EXO, *arguments], capture_output=True, text=True, env=environment, timeout=120, check=False
        )
        assert not check or result.returncode == 0, f"exo {' '.join(arguments)}: {result.stderr}\n{self.output}"
        return result

    def invite(self) -> str:
        """A join code."""
        return self.exo("invite").stdout.split()[-1]

    def get(self, path: str) -> JsonObject:
        """A JSON document."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
            return cast("JsonObject", json.load(answer))

    def post(self, path: str, body: JsonObject) -> JsonObject:
        """Send a JSON document; the answer."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return cast("JsonObject", json.load(answer))

    def delete(self, path: str) -> None:
        """Have something deleted."""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}{path}", method="DELETE"), timeout=30).close()

    @property
    def state(self) -> JsonObject:
        """`/state`."""
        return self.get("/state")

    @property
    def node_id(self) -> str:
        """Who it is."""
        return cast("str", self.state["node_id"])

    @property
    def master(self) -> str | None:
        """Who leads, as it knows."""
        return cast("str | None", self.state["master"])

    def alive_nodes(self) -> list[str]:
        """Names of the nodes that it believes to be alive."""
        nodes = cast("dict[str, JsonObject]", self.state["nodes"])
        return sorted(cast("str", node["name"]) for node in nodes.values() if node["alive"])

    def instance(self, instance_id: str) -> JsonObject:
        """An instance, or nothing."""
        return cast("dict[str, JsonObject]", self.state["instances"]).get(instance_id, {})

    def runners(self, instance_id: str) -> dict[str, JsonObject]:
        """The runners of an instance."""
        runners = cast("dict[str, JsonObject]", self.state["runners"])
        return {name: runner for name, runner in runners.items() if runner["instance_id"] == instance_id}

    def place(self, model: str, *arguments: str) -> str:
        """Place a model and wait until it is ready; the instance."""
        return self.exo("place", model, *arguments).stdout.strip()


def joined(nodes: list[NodeProcess]) -> None:
    """Start the first, have the others join it by codes, and wait until all know all."""
    first, *others = nodes
    first.start()
    for node in others:
        node.start("--join", first.invite())
    wait_until_met(nodes)


def wait_until_met(nodes: list[NodeProcess]) -> None:
    """Wait until each of them knows all, and what they can compute with."""
    names = sorted(node.name for node in nodes)
    for node in nodes:
        eventually(lambda node=node: node.alive_nodes() == names, f"{node.name} sees {names}")
        eventually(lambda node=node: _all_have_backends(node), f"{node.name} knows all backends")


def _all_have_backends(node: NodeProcess) -> bool:
    nodes = cast("dict[str, JsonObject]", node.state["nodes"])
    return all(item["backends"] for item in nodes.values())
