"""A real node with the echo backend, and a table of what was asked of it and what it reached."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import final

import pytest

from exo_core.testing.echo_model import EchoConfig, write_echo_model
from exo_core.testing.node_process import NodeProcess
from exo_core.testing.plugin_folder import with_plugins

AT_ONCE = 1000
PACE_S = 0.25
PLUGINS = {
    "echo": "exo_core.testing.echo_plugin",
    "inside": "exo_http.testing.inside_plugin",
    "watched": "exo_backend_mlx.testing.watched_plugin",
}
EMBEDDED = "tiny"


@dataclass(frozen=True, kw_only=True)
class FrontDoor:
    """The node and two models of it: `fast` says all it has at once, `paced` a token each 0.25 s."""

    node: NodeProcess
    fast: str
    paced: str


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[FrontDoor]:
    """One for all tests, whose models answer 1,000 requests at once."""
    computes = any("tiny" in getattr(item, "fixturenames", ()) for item in request.session.items)
    backends = ("--backend", "echo", *(("--backend", "watched_mlx") if computes else ()))
    folder = tmp_path_factory.mktemp("door")
    fast = write_echo_model(folder / "fast", EchoConfig(at_once=AT_ONCE))
    paced = write_echo_model(folder / "paced", EchoConfig(at_once=AT_ONCE, seconds_per_token=PACE_S))
    environment = with_plugins(folder / "plugins", PLUGINS)
    node = NodeProcess(folder / "node", "node", *backends, "--no-discovery", environment=environment)
    try:
        node.start()
        for model in (fast, paced):
            node.place(str(model))
        yield FrontDoor(node=node, fast=str(fast), paced=str(paced))
    finally:
        node.kill()


@pytest.fixture(scope="session")
def tiny(door: FrontDoor) -> str:
    """The instance of a model that computes, whose runner remarks on what its caches hold."""
    return door.node.place(EMBEDDED)


@dataclass
class Figures:
    """Rows of a table: what, asked, reached."""

    rows: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    def add(self, what: str, asked: str, reached: str) -> None:
        """One more."""
        self.rows.append((what, asked, reached))

    def __str__(self) -> str:
        widths = [max(len(row[column]) for row in self.rows) for column in range(2)]
        return "\n".join(f"{what:<{widths[0]}}  {asked:<{widths[1]}}  {reached}" for what, asked, reached in self.rows)


@pytest.fixture(scope="session")
def figures() -> Iterator[Figures]:
    """Printed at the end; `pytest -s` shows them."""
    made = Figures([("what", "asked", "reached")])
    yield made
    print(f"\n\n{made}")


@final
class ClientProcess:
    """A client in a process of its own, at work since this was made: one of `exo_http.testing`, by its module's name.

    What it measures is the server's doing, not that of the tests' own process with all that this has to do.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", f"exo_http.testing.{module}", *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop(self, patience_s: float = 60.0) -> list[str]:
        """Tell it to end and wait until it does; the lines that it wrote. Fails the test if something went wrong."""
        output, _ = self._process.communicate(timeout=patience_s)
        assert self._process.returncode == 0
        return output.splitlines()

    def kill(self) -> None:
        """Whatever it does."""
        self._process.kill()
        self._process.communicate()


StartClient = Callable[..., ClientProcess]


@pytest.fixture
def start_client() -> Iterator[StartClient]:
    """`start_client(module, *arguments)`: one that works from now on."""
    made: list[ClientProcess] = []

    def make(module: str, *arguments: str) -> ClientProcess:
        made.append(ClientProcess(module, *arguments))
        return made[-1]

    yield make
    for client in made:
        client.kill()
