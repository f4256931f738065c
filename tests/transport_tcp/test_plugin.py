"""exo finds the transport by name, and its key leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from exo_core.identity.leaf import node_identity
from exo_core.identity.node_key import NodeKey
from exo_core.identity.secret import ClusterSecret
from exo_core.plugins.manager import Plugins
from exo_transport_tcp.tls_contexts import client_context, server_context
from exo_transport_tcp.transport import TcpTransport


def test_the_plugin_offers_tcp() -> None:
    assert Plugins(only=["tcp"]).transports().get("tcp") is TcpTransport


def test_the_entry_module_costs_nothing_to_import() -> None:
    program = "import exo_transport_tcp.plugin, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"ssl", "asyncio", "psutil", "cryptography", "pydantic", "exo_transport_tcp.transport"} & set(loaded)


def test_no_key_stays_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    identity = node_identity(ClusterSecret.generate().authority, NodeKey.generate())
    for made in (client_context(identity), server_context(identity)):
        assert made.cert_store_stats()["x509_ca"] == 1
    assert list(tmp_path.iterdir()) == []
