"""exo finds the discovery by name, and it is a service like any other."""

from __future__ import annotations

import ipaddress
import subprocess
import sys

import pytest

from exo_core.plugins.manager import Plugins
from exo_core.testing.service_conformance import MakeService, ServiceConformance
from exo_discovery_zeroconf.announcement import Announcement
from exo_discovery_zeroconf.discovery import ZeroconfDiscovery
from exo_discovery_zeroconf.on_the_air import OffTheAir, new_name, on_the_air
from exo_discovery_zeroconf.presence import Presence


class TestZeroconfDiscovery(ServiceConformance):
    @pytest.fixture
    def make_service(self) -> MakeService:
        return ZeroconfDiscovery


@pytest.mark.parametrize("address", ["192.0.2.77", "2001:db8::77"])
async def test_where_there_is_no_multicast_the_reason_is_one_sentence(address: str) -> None:
    """That is no address of this machine, as when an interface went away this moment."""
    nowhere = (ipaddress.ip_address(address),)
    presence = Presence(ports=(("tcp", 7),), addresses=nowhere, interfaces=nowhere)
    announcement = Announcement(nonce=b"n" * 16, tag=b"t" * 16, ports={"tcp": 7})
    with pytest.raises(OffTheAir, match=r"\w+"):
        async with on_the_air(presence, announcement, new_name(), lambda _, __: None):
            pass


def test_the_plugin_offers_zeroconf() -> None:
    assert Plugins(only=["zeroconf"]).discoveries().get("zeroconf") is ZeroconfDiscovery


def test_neither_the_entry_module_nor_the_service_imports_the_library() -> None:
    program = "import exo_discovery_zeroconf.plugin, exo_discovery_zeroconf.discovery, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "zeroconf" not in loaded
