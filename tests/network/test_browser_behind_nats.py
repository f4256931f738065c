"""A browser in one home is answered by a node in another, whatever stands between them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from exo_core.testing.network_namespaces import a_network, why_not
from exo_transport_webrtc.testing.homes import RENDEZVOUS_PORT, SERVER, TURN_PORT, HomeNode, Internet, Nat, why_no_turn
from exo_web_client.testing.chromium import why_no_browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
TURN = f"turn:{SERVER}:{TURN_PORT}"
CASES = [
    pytest.param("cone", "cone", None, (), id="cone to cone, directly"),
    pytest.param("symmetric", "symmetric", TURN, (), id="symmetric to symmetric, by the node's TURN"),
    pytest.param("no udp", "cone", None, (f"{TURN}?transport=tcp", "exo", "exo"), id="UDP blocked, by the page's TURN"),
]


@pytest.fixture
def internet(tmp_path: Path) -> Generator[Internet]:
    """An internet without homes, and its servers."""
    reason = why_not() or why_no_turn() or why_no_browser()
    if reason is not None:
        pytest.skip(reason)
    with a_network() as network:
        found = Internet(network, tmp_path)
        with found.servers():
            yield found


@pytest.mark.parametrize(("near", "far", "node_turn", "page_turn"), CASES)
def test_a_browser_at_home_is_answered_by_a_node_elsewhere(
    internet: Internet, tmp_path: Path, near: Nat, far: Nat, node_turn: str | None, page_turn: tuple[str, ...]
) -> None:
    node = HomeNode(internet.home(far), tmp_path / "alpha", turn=node_turn, rendezvous=True, front_door=True)
    browser = internet.home(near)
    try:
        node.start()
        node.wait_until_it_runs()
        node.exo("place", "tiny")
        key = node.exo("key", "create").strip()
        words = [str(tmp_path), f"http://{SERVER}:{RENDEZVOUS_PORT}", key, "What is exo?", *page_turn]
        command = browser.command(sys.executable, "-m", "exo_web_client.testing.ask_by_browser", *words)
        asked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
        assert asked.returncode == 0, f"{asked.stdout}{asked.stderr}\n{node.output}"
        *answer, way = asked.stdout.splitlines()
        assert "".join(answer).strip()
        print(way)
    finally:
        node.stop()
