"""Which server and which model are measured?"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from exo_bench.chat_server import ChatServer, ServerError
from exo_core.cli.documents import as_list, as_number, as_object, as_text, named_objects, objects
from exo_core.cli.node_access import with_node
from exo_core.errors import UserError
from exo_core.frozen import JsonObject, JsonValue

EMBEDDED = "tiny"
SAYS_NOTHING = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.FORBIDDEN)
"""Another server than exo; or the key opens what is measured and nothing else."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model, and what the server tells of it. `stages` of each of its instances; None where it tells nothing."""

    model: str
    stages: tuple[int, ...] | None
    context: int | None


def url_of_node(home: Path) -> str:
    """Where the node of this machine serves HTTP. Raises `UserError` when none runs, or it serves none."""
    urls = [as_text(url) for url in as_list(as_object(with_node(home, lambda node: node.status())).get("urls"))]
    if not urls:
        message = "this machine's node serves no HTTP, and that is what is measured: start it without --no-api"
        raise UserError(message)
    return for_here(urls[0])


def for_here(url: str) -> str:
    """An address that a socket is bound to, as one that can be called on this machine."""
    parts = urlsplit(url)
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 — compared, not bound
    host = everywhere.get(parts.hostname or "")
    return f"{parts.scheme}://{host}:{parts.port}" if host else url


def chosen_model(server: ChatServer, named: str | None) -> str:
    """The named one, else one that is placed and ready, else the embedded one. Raises `ServerError`."""
    if named is not None:
        return named
    ready = [as_text(item.get("model_id")) for item in _instances(server) or [] if item.get("status") == "ready"]
    return ready[0] if ready else EMBEDDED


def subject(server: ChatServer, model: str) -> Subject:
    """What the server tells of a model; little, where it is not exo. Raises `ServerError`."""
    instances = _instances(server)
    mine = [item for item in instances or [] if item.get("model_id") == model]
    stages = None if instances is None else tuple(len(as_list(item.get("shards"))) for item in mine)
    return Subject(model=model, stages=stages, context=_context(server, model))


def _instances(server: ChatServer) -> list[JsonObject] | None:
    state = _told(server, "/state")
    return None if state is None else [item for _, item in named_objects(as_object(state).get("instances"))]


def _context(server: ChatServer, model: str) -> int | None:
    cards = [as_object(item.get("card")) for item in objects(_told(server, "/models")) if item.get("id") == model]
    return int(as_number(cards[0].get("context"))) or None if cards else None


def _told(server: ChatServer, path: str) -> JsonValue:
    try:
        return server.get(path)
    except ServerError as problem:
        if problem.status in SAYS_NOTHING:
            return None
        raise
