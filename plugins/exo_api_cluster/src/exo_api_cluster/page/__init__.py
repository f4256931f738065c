"""`GET /`: the status page, put together from its parts into one document that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

SCRIPTS = ("elements.js", "format.js", "nodes.js", "instances.js", "models.js", "chat.js", "main.js")
"""In the order in which they need each other."""


async def page(request: Request) -> Response:
    """The page for people."""
    del request
    html, policy = document()
    return HTMLResponse(html, headers={"Content-Security-Policy": policy, **HEADERS})


HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}


@cache
def document() -> tuple[str, str]:
    """The page, and the policy that lets it run nothing but what is in it."""
    style = _part("page.css")
    script = '"use strict";\n' + "\n".join(map(_part, SCRIPTS))
    html = _part("page.html").replace("/* style */", style).replace("/* script */", script)
    policy = (
        "default-src 'none'; connect-src 'self'; img-src data:; "
        f"style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return html, policy


def _part(name: str) -> str:
    return (files(__package__ or __name__) / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
