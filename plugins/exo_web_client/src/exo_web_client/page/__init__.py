"""The page, put together from its parts into one document that needs nothing else."""

from __future__ import annotations

from functools import cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exo_http.one_document import CONVERSATION, OneDocument, one_document

NAMES = ("waiting", "sealing", "meeting", "path", "channel", "requests", "elements", "connecting", "chat")
"""Of the scripts, in the order in which they need each other; the conversation's own are `exo_http`'s."""


def page_route() -> Route:
    """`GET /`."""

    async def page(request: Request) -> Response:
        del request
        return document().response()

    return Route("/", page)


@cache
def document() -> OneDocument:
    """The page, and the policy that lets it run nothing but what is in it and speak to a rendezvous only."""
    return one_document(__name__, [*CONVERSATION, *(f"{name}.js" for name in NAMES)], connect="ws: wss:")
