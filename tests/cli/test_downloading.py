"""Waiting for a download ends, also when the machine that was to tell of it does not tell any more."""

from __future__ import annotations

import asyncio

import pytest

from exo_core.cli.downloading import download
from exo_core.control_socket.operations import LocalOperations
from exo_core.errors import UserError
from exo_core.identifiers import BootId, ModelId, NodeId
from exo_core.state.events import NodeDead, NodeJoined
from exo_core.state.state import Model
from exo_core.telemetry import DownloadTelemetry, NodeTelemetry, Telemetry
from exo_core.testing.models import model_with_layers
from exo_http.testing.scripted_node import ScriptedNode

MODEL, OTHER = ModelId("org/name"), NodeId("b" * 26)


def told(*downloads: DownloadTelemetry) -> Telemetry:
    """What the other machine told last."""
    measured = NodeTelemetry(
        node_id=OTHER,
        boot=BootId(1),
        sequence=1,
        version="0.1.0",
        name="two",
        memory_total=1,
        memory_free=1,
        memory_for_models=1,
        downloads=downloads,
    )
    return Telemetry(nodes={OTHER: measured})


async def test_a_machine_that_dies_is_not_waited_for() -> None:
    node = ScriptedNode()
    manifest, card = model_with_layers(MODEL, 4)
    node.resolvable = {MODEL: Model(manifest=manifest, card=card)}
    node.record(NodeJoined(node_id=node.node_id, name="one"))
    node.record(NodeJoined(node_id=OTHER, name="two"))
    node.measure(told(DownloadTelemetry(model_id=MODEL, revision=manifest.revision, status="downloading")))
    waiting = asyncio.create_task(download(LocalOperations(node), MODEL, [OTHER], wait=True))
    await asyncio.wait([waiting], timeout=0.5)
    assert not waiting.done(), "it downloads"
    node.record(NodeDead(node_id=OTHER))
    async with asyncio.timeout(5):
        with pytest.raises(UserError, match="two is not reachable any more"):
            await waiting
