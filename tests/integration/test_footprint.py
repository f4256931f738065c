"""What a node costs the machine that it runs on."""

from __future__ import annotations

from collections.abc import Callable

import psutil

from exo_core.testing.node_process import NodeProcess

LARGEST_NODE_BYTES = 120e6
MOST_CPU_SECONDS_TO_HEALTH = 2.0


def test_health_comes_soon_and_the_node_stays_small(make_node: Callable[..., NodeProcess]) -> None:
    """CPU seconds rather than wall time, so that a busy machine does not decide the test."""
    node = make_node("alpha").start()
    process = psutil.Process(node.process.pid)
    cpu = process.cpu_times()
    assert cpu.user + cpu.system < MOST_CPU_SECONDS_TO_HEALTH
    node.place("tiny")
    assert process.memory_info().rss < LARGEST_NODE_BYTES


def test_no_secret_is_in_the_environment_or_arguments_of_a_runner(make_node: Callable[..., NodeProcess]) -> None:
    secret = "cd" * 32
    node = make_node("alpha", environment={"EXO_SECRET": secret, "EXO_API_KEY": "key-of-the-api"})
    node.launch()
    runners = _runners_of(node)
    assert runners
    for runner in runners:
        shown = str(runner.environ()) + str(runner.cmdline())
        assert secret not in shown
        assert "key-of-the-api" not in shown


def _runners_of(node: NodeProcess) -> list[psutil.Process]:
    from exo_core.testing.node_process import eventually

    return eventually(lambda: psutil.Process(node.process.pid).children(), "a runner that probes the backend")
