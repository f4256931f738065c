"""`GET /instance/await?model_id=`: server-sent events until an instance of a model is ready, failed, or time is up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response

from exo_api_cluster.endpoint import Endpoint, required_text, whole_number
from exo_core.frozen import JsonValue
from exo_core.identifiers import ModelId
from exo_core.node_handle import NodeHandle
from exo_core.state.aliases import model_meant
from exo_http.event_stream import EventStream, event

DEFAULT_SECONDS = 600
LARGEST_SECONDS = 24 * 3600
ORDER = ("ready", "loading", "placing", "waiting", "failed")


def await_endpoint(node: NodeHandle) -> Endpoint:
    """`?timeout=` is in seconds, 600 unless told."""

    async def wait(request: Request) -> Response:
        model_id = model_meant(node.state, ModelId(required_text(request, "model_id")))
        seconds = min(whole_number(request, "timeout", DEFAULT_SECONDS), LARGEST_SECONDS)
        return EventStream(instance_events(node, model_id, seconds))

    return wait


async def instance_events(node: NodeHandle, model_id: ModelId, seconds: float) -> AsyncGenerator[bytes]:
    """`status` whenever it changes, then `ready`, `failed` or `timeout`."""
    deadline = asyncio.get_running_loop().time() + seconds
    last: JsonValue = None
    async with aclosing(node.changes()) as changes:
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    await anext(changes)
            except TimeoutError:
                yield event("timeout", {"model_id": model_id, "seconds": seconds, "last": last})
                return
            status, document = best_instance(node, model_id)
            if status in {"ready", "failed"}:
                yield event(status, document)
                return
            if document != last:
                last = document
                yield event("status", document)


def best_instance(node: NodeHandle, model_id: ModelId) -> tuple[str, JsonValue]:
    """Of the instances of a model the one that is nearest to answering; status `absent` when there is none."""
    found = [
        (*node.instance_status(name), name)
        for name, instance in node.state.instances.items()
        if instance.request.model_id == model_id
    ]
    if not found:
        detail = f"no instance of {model_id} is placed; type: exo place {model_id}"
        return "absent", {"model_id": model_id, "instance_id": None, "status": "absent", "detail": detail}
    status, detail, name = min(found, key=lambda item: ORDER.index(item[0]))
    return status, {"model_id": model_id, "instance_id": name, "status": status, "detail": detail}
