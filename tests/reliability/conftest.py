"""Clusters of real processes, one per module.

EXO_TEST_TRANSPORT says by which transport they are linked: tcp, or webrtc, with a rendezvous to meet at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exo_core.testing.reliability.process_cluster import ProcessCluster
from exo_rendezvous.testing.rendezvous_process import rendezvous_process

TRANSPORT = os.environ.get("EXO_TEST_TRANSPORT", "tcp")
MakeCluster = Callable[[Path, int], ProcessCluster]


@pytest.fixture(scope="session")
def make_cluster() -> Iterator[MakeCluster]:
    """`make_cluster(folder, 3)`: so many nodes, not started yet."""
    if TRANSPORT != "webrtc":
        yield lambda folder, size: ProcessCluster(folder, size, wraps="exo_transport_tcp.transport:TcpTransport")
        return
    with rendezvous_process() as url:
        environment = {"EXO_CHAOS_RENDEZVOUS": url, "EXO_EXACT": "1"}  # texts are compared
        yield lambda folder, size: ProcessCluster(
            folder, size, wraps="exo_transport_webrtc.transport:WebrtcTransport", environment=environment
        )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, make_cluster: MakeCluster) -> Iterator[ProcessCluster]:
    """Three nodes; any one of them can be lost and one instance still answers."""
    with make_cluster(tmp_path_factory.mktemp("cluster"), 3).running() as made:
        yield made
