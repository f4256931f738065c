"""The HTTP service is what every service must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import pytest

import exo_http.plugin
from exo_core.node_handle import Service
from exo_core.testing.service_conformance import ServiceConformance
from exo_http.service import HttpService


class TestHttpService(ServiceConformance):
    """On a real node, at a port of its own."""

    plugins: ClassVar[Mapping[str, object]] = {"http": exo_http.plugin}

    @pytest.fixture
    def make_service(self) -> Callable[[], Service]:
        """As the plugin registers it."""
        return HttpService
