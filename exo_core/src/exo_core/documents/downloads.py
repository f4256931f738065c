"""Models on disks, whole or on their way, as one JSON document: `GET /downloads`, `exo models download`."""

from __future__ import annotations

from collections.abc import Iterator

from exo_core.frozen import JsonObject, JsonValue
from exo_core.identifiers import ModelId, NodeId
from exo_core.node_handle import NodeHandle
from exo_core.telemetry import DownloadTelemetry


def downloads_document(node: NodeHandle) -> list[JsonValue]:
    """Finished ones from the log, running, failed and cancelled ones from telemetry; by node, then by model."""
    found: list[JsonObject] = [*_on_their_way(node), *_finished(node)]
    found.sort(key=lambda item: [str(item[key]) for key in ("node_id", "model_id", "status")])
    return [*found]


def _finished(node: NodeHandle) -> Iterator[JsonObject]:
    for node_id, models in node.state.downloads.items():
        for model_id, revision in models.items():
            size = _size(node, model_id, revision)
            yield _entry(node, node_id, model_id, revision, status="finished", done=size, total=size)


def _on_their_way(node: NodeHandle) -> Iterator[JsonObject]:
    for node_id, measured in node.telemetry.nodes.items():
        for item in measured.downloads:
            if item.status == "downloading" or not _is_finished(node, node_id, item):
                yield _entry(
                    node,
                    node_id,
                    item.model_id,
                    item.revision,
                    status=item.status,
                    done=item.done,
                    total=item.total,
                    bytes_per_s=item.bytes_per_s,
                    detail=item.detail,
                )


def _is_finished(node: NodeHandle, node_id: NodeId, item: DownloadTelemetry) -> bool:
    return node.state.downloads.get(node_id, {}).get(item.model_id) == item.revision


def _size(node: NodeHandle, model_id: ModelId, revision: str) -> int:
    model = node.state.models.get(model_id)
    is_known = model is not None and model.manifest.revision == revision
    return sum(file.size for file in model.manifest.files) if model is not None and is_known else 0


def _entry(
    node: NodeHandle,
    node_id: NodeId,
    model_id: ModelId,
    revision: str,
    *,
    status: str,
    done: int,
    total: int,
    bytes_per_s: float = 0.0,
    detail: str = "",
) -> JsonObject:
    member = node.state.members.get(node_id)
    return {
        "node_id": node_id,
        "node": member.name if member is not None else node_id,
        "model_id": model_id,
        "revision": revision,
        "status": status,
        "done": done,
        "total": total,
        "bytes_per_s": round(bytes_per_s, 1),
        "detail": detail,
    }
