"""Which faults hit which direction, and how another process hears of them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from exo_core.errors import PluginError
from exo_core.identifiers import NodeId
from exo_core.testing.chaos.chaos import Chaos
from exo_core.testing.chaos.fault_file import board_of
from exo_core.testing.chaos.faults import Direction, Fault, link_kind, weather
from exo_core.testing.chaos.plugin import chaos_transport
from exo_core.testing.parties import parties
from exo_core.transports import TransportContext

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
WRAPS = "exo_transport_tcp.transport:TcpTransport"


def test_faults_of_one_direction_add_up() -> None:
    slow = Fault(delay_s=0.1, bytes_per_s=1000.0)
    faults = (slow, Fault(source=A, delay_s=0.2, drop=0.5), Fault(links="runner", cut=True))
    one_way = weather(faults, A, B, "node")
    assert one_way.delay_s == pytest.approx(0.3)
    assert (one_way.bytes_per_s, one_way.drop, one_way.cut) == (1000.0, 0.5, False)
    assert weather(faults, B, A, "node").delay_s == pytest.approx(0.1)
    assert weather(faults, B, A, "runner").cut


def test_a_link_is_a_runners_when_either_end_is_one() -> None:
    assert link_kind("node", "node") == "node"
    assert link_kind("runner:r-1", "node") == link_kind("node", "runner:r-1") == "runner"


def test_what_is_written_holds_in_a_process_that_watches(tmp_path: Path) -> None:
    chaos = Chaos(tmp_path / "faults.json", wraps=WRAPS)
    board, changed = board_of(tmp_path / "faults.json"), threading.Event()
    board.on_change(changed.set)
    there, back, beside = Direction(A, B, "node"), Direction(B, A, "node"), Direction(A, C, "node")

    def holds(way: Direction) -> bool:
        return board.weather(way).blackhole

    chaos.part([A], [B])
    assert changed.wait(30)
    assert [holds(there), holds(back), holds(beside)] == [True, True, False]
    changed.clear()
    chaos.heal()
    assert changed.wait(30)
    assert not holds(there)


def test_a_transport_without_settings_says_which(tmp_path: Path) -> None:
    context = TransportContext(identity=parties().alice)
    with pytest.raises(PluginError, match="EXO_CHAOS_WRAPS"):
        chaos_transport(context)
    wrapping = TransportContext(
        identity=parties().alice, settings={"wraps": WRAPS, "faults": str(tmp_path / "faults.json")}
    )
    assert chaos_transport(wrapping).ticket("chaos://127.0.0.1:1") == "chaos://127.0.0.1:1"
