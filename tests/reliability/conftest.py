"""Clusters of real processes, one per module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exo_core.testing.reliability.process_cluster import ProcessCluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCluster]:
    """Three nodes; any one of them can be lost and one instance still answers."""
    folder = tmp_path_factory.mktemp("cluster")
    with ProcessCluster(folder, 3, wraps="exo_transport_tcp.transport:TcpTransport").running() as made:
        yield made
