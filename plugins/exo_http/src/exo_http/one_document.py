"""A page for people as one document that needs nothing else and runs nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import final

from starlette.responses import HTMLResponse

HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}

CONVERSATION = ("making.js", "conversation.js")
"""Making elements, and asking models; both come before what a page says of itself."""


@final
@dataclass(frozen=True, kw_only=True)
class OneDocument:
    """`policy`: its content security policy; a header can say a little more than the document itself."""

    html: str
    policy: str

    def response(self) -> HTMLResponse:
        """The page as an answer."""
        policy = f"{self.policy}; frame-ancestors 'none'"
        return HTMLResponse(self.html, headers={"Content-Security-Policy": policy, **HEADERS})


def one_document(package: str, scripts: Sequence[str], *, connect: str) -> OneDocument:
    """From `page.html`, `page.css` and `scripts` (in the order in which they need each other) of a package.

    A script may also be one of those that pages share: `CONVERSATION`, which says what a page needs for it.
    Style and script take the places of `/* style */` and `/* script */`, and the policy, as text for an attribute, that
    of `{policy}`, if the page has one for where no server sends headers. `connect` says where the page may connect to.
    """
    style = _part(package, "page.css")
    script = '"use strict";\n' + "\n".join(_script(package, name) for name in scripts)
    policy = (
        f"default-src 'none'; connect-src {connect}; img-src data:; "
        f"style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    page = _part(package, "page.html").replace("{policy}", html.escape(policy))
    return OneDocument(html=page.replace("/* style */", style).replace("/* script */", script), policy=policy)


def _script(package: str, name: str) -> str:
    return _part("exo_http", f"page_parts/{name}") if name in CONVERSATION else _part(package, name)


def _part(package: str, name: str) -> str:
    return (files(package) / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
