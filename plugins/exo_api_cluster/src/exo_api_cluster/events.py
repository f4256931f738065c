"""`GET /events`: the log, and then what comes, as server-sent events."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response

from exo_api_cluster.endpoint import Endpoint, whole_number
from exo_core.documents.event import event_document, position_after
from exo_core.errors import LogError
from exo_core.node_handle import AppliedEvent, LogItem, NodeHandle, RolledBack, SummedUp
from exo_http.errors import ApiError, error_body
from exo_http.event_stream import EventStream, event


def events_endpoint(node: NodeHandle) -> Endpoint:
    """From `?after=N` on, where the client has the chain `&chain=`.

    A client that reconnects by itself repeats its query, and says where it was by then in `Last-Event-ID`.
    """

    async def events(request: Request) -> Response:
        after, chain = whole_number(request, "after", 0), _chain(request)
        last = request.headers.get("last-event-id", "")
        if last.isascii() and last.isdecimal() and len(last) < 19 and int(last) != after:
            after, chain = int(last), None
        return EventStream(log_events(node, after, chain))

    return events


def _chain(request: Request) -> bytes | None:
    text = request.query_params.get("chain")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ApiError(400, "invalid_value", "chain: 64 hex digits, as an entry has them", param="chain")
    return bytes.fromhex(text)


async def log_events(node: NodeHandle, after: int, chain: bytes | None) -> AsyncGenerator[bytes]:
    """Each entry as an event `entry` under its index, between them `rollback` and `snapshot`; at worst `error`."""
    try:
        async with aclosing(node.events(after, chain)) as items:
            async for item in items:
                yield _event(item)
    except LogError as problem:
        yield event("error", error_body(500, "log_unreadable", f"{problem}; ask another node, and see: exo logs"))


def _event(item: LogItem) -> bytes:
    identifier = str(position_after(item))
    match item:
        case RolledBack():
            return event("rollback", {"to": item.to}, identifier=identifier)
        case SummedUp():
            return event("snapshot", {"index": item.index}, identifier=identifier)
        case AppliedEvent():
            return event("entry", event_document(item), identifier=identifier)
