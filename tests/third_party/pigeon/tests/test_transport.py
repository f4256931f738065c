"""The transport `pigeon` keeps exo's contract of transports."""

from __future__ import annotations

from pathlib import Path

import pytest
from pigeon.roost import bind, names
from pigeon.transport import PigeonTransport

from exo_core.testing.transport_conformance import MakeTransport, TransportConformance


class TestPigeon(TransportConformance):
    blocking = False
    listen = None

    @pytest.fixture
    def make_transport(self) -> MakeTransport:
        return PigeonTransport


def test_a_port_is_the_name_of_a_socket() -> None:
    assert list(names("127.0.0.1:52416")) == ["52416"]
    assert list(names(":7-9")) == ["7", "8", "9"]
    assert len({*names(None), *names("0"), *names(":0")}) == 3


def test_a_socket_in_use_is_not_taken_and_a_dead_one_is(tmp_path: Path) -> None:
    path = tmp_path / "1.sock"
    first = bind(path)
    assert first is not None
    assert bind(path) is None
    first.close()
    second = bind(path)
    assert second is not None
    second.close()
