"""One request that came over a channel, as the front door's application takes and answers it."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast, final
from urllib.parse import unquote

from starlette.types import Message

from exo_web_client.channel_messages import Answered, End, Request, Start, Text

OUR_HOST: Final = "localhost"
"""By which name a node is called by who reached it without one."""

Say = Callable[[Answered], Awaitable[None]]


@final
class CarriedRequest:
    """Both ends of an ASGI call. The browser hears by `say`, which waits while it does not read."""

    def __init__(self, request: Request, say: Say) -> None:
        self._request = request
        self._say = say
        self._is_read = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def scope(self) -> dict[str, Any]:
        """The request's head. It names no client: who asks is not on this machine, wherever the browser runs."""
        path, _, query = self._request.path.partition("?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self._request.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "root_path": "",
            "headers": self._headers(),
            "client": None,
            "server": None,
        }

    async def receive(self) -> Message:
        """The body, whole; after that nothing more comes, since the call is cancelled when the browser goes."""
        if self._is_read:
            await asyncio.Event().wait()
        self._is_read = True
        return {"type": "http.request", "body": self._request.body.encode(), "more_body": False}

    async def send(self, message: Message) -> None:
        """A piece of the answer."""
        if message["type"] == "http.response.start":
            headers = cast("list[tuple[bytes, bytes]]", message.get("headers", []))
            shown = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
            await self._say(Start(number=self._request.number, status=message["status"], headers=shown))
        elif message["type"] == "http.response.body":
            is_last = not message.get("more_body", False)
            text = self._decoder.decode(message.get("body", b""), final=is_last)
            if text:
                await self._say(Text(number=self._request.number, text=text))
            if is_last:
                await self._say(End(number=self._request.number))

    def _headers(self) -> list[tuple[bytes, bytes]]:
        given = {name.lower(): value for name, value in self._request.headers.items()}
        given |= {"host": OUR_HOST, "content-length": str(len(self._request.body.encode()))}
        given.pop("origin", None)  # of the rendezvous or a file: whoever has the key may ask, wherever the page is from
        return [(name.encode("ascii"), value.encode("ascii")) for name, value in given.items()]
