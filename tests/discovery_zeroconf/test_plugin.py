"""exo finds the discovery by name, and it is a service like any other."""

from __future__ import annotations

import subprocess
import sys

import pytest

from exo_core.plugins.manager import Plugins
from exo_core.testing.service_conformance import MakeService, ServiceConformance
from exo_discovery_zeroconf.discovery import ZeroconfDiscovery


class TestZeroconfDiscovery(ServiceConformance):
    @pytest.fixture
    def make_service(self) -> MakeService:
        return ZeroconfDiscovery


def test_the_plugin_offers_zeroconf() -> None:
    assert Plugins(only=["zeroconf"]).discoveries().get("zeroconf") is ZeroconfDiscovery


def test_neither_the_entry_module_nor_the_service_imports_the_library() -> None:
    program = "import exo_discovery_zeroconf.plugin, exo_discovery_zeroconf.discovery, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "zeroconf" not in loaded
