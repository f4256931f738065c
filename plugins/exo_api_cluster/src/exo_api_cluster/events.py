"""`GET /events`: the log, and then what comes, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response

from exo_api_cluster.endpoint import Endpoint, whole_number
from exo_core.documents.event import event_document
from exo_core.errors import LogError
from exo_core.node_handle import NodeHandle
from exo_http.errors import error_body
from exo_http.event_stream import EventStream, event


def events_endpoint(node: NodeHandle) -> Endpoint:
    """From `?after=N` on. A client that reconnects by itself says where it was in `Last-Event-ID`."""

    async def events(request: Request) -> Response:
        last = request.headers.get("last-event-id", "")
        resumed = int(last) if last.isascii() and last.isdecimal() and len(last) < 19 else 0
        return EventStream(log_events(node, whole_number(request, "after", resumed)))

    return events


async def log_events(node: NodeHandle, after: int) -> AsyncGenerator[bytes]:
    """Each entry as an event `entry` under its index; `error` when the beginning is not kept any more."""
    try:
        async with aclosing(node.events(after)) as entries:
            async for applied in entries:
                yield event("entry", event_document(applied), identifier=str(applied.index))
    except LogError as problem:
        message = f"{problem}; read GET /state and ask for the events after its log length"
        yield event("error", error_body(410, "compacted", message))
