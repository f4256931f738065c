"""`GET /`: the status page, put together from its parts into one document that needs nothing else."""

from __future__ import annotations

from functools import cache

from starlette.requests import Request
from starlette.responses import Response

from exo_http.one_document import CONVERSATION, OneDocument, one_document

SCRIPTS = (
    *CONVERSATION,
    "drawing.js",
    "requests.js",
    "format.js",
    "nodes.js",
    "instances.js",
    "models.js",
    "chat.js",
    "main.js",
)
"""In the order in which they need each other."""


async def page(request: Request) -> Response:
    """The page for people."""
    del request
    return document().response()


@cache
def document() -> OneDocument:
    """The page, and the policy that lets it run nothing but what is in it."""
    return one_document(__name__, SCRIPTS, connect="'self'")
