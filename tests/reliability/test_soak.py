"""Minutes of load while nodes come and go every 20 seconds: what a node holds levels off. `just soak`."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
import urllib.error
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from exo_core.testing.node_process import NodeProcess, eventually, joined
from exo_core.testing.plugin_folder import with_plugins
from exo_core.testing.reliability.flooding import PLUGIN, begin_flood
from exo_core.testing.reliability.recorded_stream import RecordedStream
from exo_core.testing.reliability.series import Series

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
MINUTES = float(os.environ.get("EXO_SOAK_MINUTES", "5"))
EVERY_S = 20.0
WARM_UP_S = 80.0
"""One of each kind of change has happened by then."""
LOOK_S = 5.0


@contextmanager
def in_background(work: Callable[[], None], *, pause: float) -> Generator[None]:
    """Do it again and again, whatever comes of it, until the context is left."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(pause):
            with contextlib.suppress(urllib.error.URLError, OSError, AssertionError):
                work()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(120)


def open_files(nodes: list[NodeProcess]) -> float:
    return sum(psutil.Process(node.process.pid).num_fds() for node in nodes)


def memory_mb(nodes: list[NodeProcess]) -> float:
    return sum(psutil.Process(node.process.pid).memory_info().rss for node in nodes) / 1e6


def log_mb(nodes: list[NodeProcess]) -> float:
    """Of the clusters that the nodes are in; what was kept aside is not theirs."""
    return (
        sum(
            path.stat().st_size
            for node in nodes
            for path in (current_cluster(node) / "log").rglob("*")
            if path.is_file()
        )
        / 1e6
    )


def current_cluster(node: NodeProcess) -> Path:
    return node.home / "clusters" / str(node.state["cluster_id"])


def test_memory_files_and_disk_level_off(tmp_path: Path) -> None:
    environment = with_plugins(tmp_path / "plugins", PLUGIN)
    nodes = [NodeProcess(tmp_path / name, name, environment=environment) for name in ("alpha", "beta", "gamma")]
    alpha, beta, gamma = nodes
    series = [
        Series(name="memory of alpha, which stays", unit="MB", most_per_minute=2.0),
        Series(name="memory of all nodes", unit="MB", most_per_minute=6.0),
        Series(name="open files of all nodes", unit="files", most_per_minute=3.0),
        Series(name="logs on disk", unit="MB", most_per_minute=2.0),
    ]
    looks: list[Callable[[], float]] = [
        lambda: memory_mb([alpha]),
        lambda: memory_mb(nodes),
        lambda: open_files(nodes),
        lambda: log_mb(nodes),
    ]
    try:
        joined(nodes)
        alpha.place("tiny", "--nodes", "alpha")
        alpha.place("tiny", "--nodes", "beta")
        begun, answered = time.monotonic(), itertools.count()

        def ask() -> None:
            stream = RecordedStream(alpha, "What is exo?", tokens=40)
            stream.wait_for_end()
            if stream.is_complete:
                next(answered)

        begin_flood(alpha, seconds=60 * MINUTES, at_once=1, pause=0.02)
        with in_background(ask, pause=0.1):
            for change in itertools.cycle((restart, kill, leave_and_come_back)):
                if time.monotonic() - begun > 60 * MINUTES:
                    break
                changed_at = time.monotonic()
                change(gamma if change is leave_and_come_back else beta, alpha)
                while time.monotonic() - changed_at < EVERY_S:
                    now = time.monotonic() - begun
                    for item, look in zip(series, looks, strict=True):
                        item.add(now, look())
                    time.sleep(LOOK_S)  # the soak is what takes its time
        print(f"\n{next(answered)} answers, log of {alpha.state['log']}")
        for item in series:
            print(item.shown(after=WARM_UP_S))
        for item in series:
            item.check(after=WARM_UP_S)
    finally:
        for node in nodes:
            node.power_off()


def restart(node: NodeProcess, _: NodeProcess) -> None:
    node.stop()
    node.start()


def kill(node: NodeProcess, _: NodeProcess) -> None:
    node.kill()
    node.start()


def leave_and_come_back(node: NodeProcess, inviter: NodeProcess) -> None:
    node.exo("leave")
    node.process.wait(30)
    node.start("--join", inviter.invite())
    eventually(lambda: node.name in inviter.alive_nodes(), f"{node.name} is back")
