"""One streamed chat answer, and when its tokens came: from exo, or any server that speaks OpenAI's API.

The standard library's client is used on purpose: it costs little beside the server on the same machine, and a thread
per stream waits in the kernel.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import cast, final
from urllib.parse import SplitResult, urlsplit

from exo_core.cli.documents import as_list, as_number, as_object, as_text, objects
from exo_core.errors import UserError
from exo_core.frozen import JsonObject, JsonValue

SILENCE_S = 120.0


class ServerError(UserError):
    """The server refused, broke off or said nothing for too long; `status` is its HTTP status, 0 without one."""

    def __init__(self, message: str, *, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, kw_only=True)
class TimedAnswer:
    """A whole answer. Times are seconds of `time.perf_counter`."""

    asked: float
    arrivals: tuple[float, ...]
    """When each piece of text came, in order: one per token, unless this client was behind."""
    prompt_tokens: int
    cached_tokens: int
    """Of the prompt, not computed again."""
    completion_tokens: int

    @property
    def first_token_s(self) -> float:
        """From the request to the first token."""
        return self.arrivals[0] - self.asked

    @property
    def decode_tokens_per_s(self) -> float:
        """Of this stream, without its first token."""
        took = self.arrivals[-1] - self.arrivals[0]
        return (self.completion_tokens - 1) / took if took > 0 else 0.0


@final
class ChatServer:
    """Where it is. Any thread may ask."""

    def __init__(self, url: str, key: str | None = None, *, silence_s: float = SILENCE_S) -> None:
        self.url = url.rstrip("/")
        self._address = _address(self.url)
        self._key = key
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._silence_s = silence_s
        self._open: set[socket.socket] = set()

    def get(self, path: str) -> JsonValue:
        """A JSON document. Raises `ServerError`."""
        with closing(self._connected()) as connection:
            try:
                return cast("JsonValue", json.loads(self._answer(connection, "GET", path, None).read()))
            except (OSError, http.client.HTTPException) as problem:
                raise self._broke_off(problem) from problem
            except ValueError as problem:
                message = f"{self.url}{path} answered with something that is no JSON: is it a server of models?"
                raise ServerError(message) from problem

    def ask(
        self,
        body: Mapping[str, JsonValue],
        before: Callable[[], object] = lambda: None,
        arrived: Callable[[float], object] = lambda _: None,
    ) -> TimedAnswer:
        """A chat completion, streamed. `body` lacks only what makes it a stream. Raises `ServerError`.

        `before` is called once connected, then the clock starts; `arrived` is told when each event came.
        """
        whole: JsonObject = {**body, "stream": True, "stream_options": {"include_usage": True}}
        with closing(self._connected()) as connection:
            taken = connection.sock  # an answer of HTTP/1.0 takes it away from the connection
            self._open.add(taken)
            try:
                before()
                asked = time.perf_counter()
                return _timed(
                    asked, _lines(self._answer(connection, "POST", "/v1/chat/completions", whole), self.url, arrived)
                )
            except (OSError, http.client.HTTPException) as problem:
                raise self._broke_off(problem) from problem
            finally:
                self._open.discard(taken)

    def beside(self) -> ChatServer:
        """The same server once more, whose answers are hung up apart from these."""
        return ChatServer(self.url, self._key, silence_s=self._silence_s)

    def hang_up(self) -> None:
        """End every answer that is under way; who waits for one gets a `ServerError`."""
        for taken in tuple(self._open):
            with suppress(OSError):
                taken.shutdown(socket.SHUT_RDWR)

    def _broke_off(self, problem: Exception) -> ServerError:
        return ServerError(f"{self.url} broke off: {str(problem) or type(problem).__name__}")

    def _connected(self) -> http.client.HTTPConnection:
        secure, host, port = self._address
        make = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = make(host, port, timeout=self._silence_s)
        try:
            connection.connect()
        except OSError as problem:
            message = f"nobody answers at {self.url}: {problem}. Start a node (exo run), or name another: --url URL"
            raise ServerError(message) from problem
        return connection

    def _answer(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: JsonObject | None
    ) -> http.client.HTTPResponse:
        connection.request(method, path, None if body is None else json.dumps(body), self._headers)
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise _refusal(self.url, path, answer.status, answer.read())
        return answer


def _address(url: str) -> tuple[bool, str, int]:
    parts: SplitResult = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        message = f"'{url}' is no address such as http://10.0.0.2:52415"
        raise UserError(message)
    return parts.scheme == "https", parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _refusal(url: str, path: str, status: int, body: bytes) -> ServerError:
    document: JsonObject = {}
    with suppress(ValueError):
        document = as_object(as_object(cast("JsonValue", json.loads(body))).get("error"))
    message = as_text(document.get("message")) or http.client.responses.get(status, "")
    hint = ". Give its key: --api-key-file FILE, or EXO_API_KEY" if status == http.client.UNAUTHORIZED else ""
    return ServerError(f"{url}{path}: {status} {message}{hint}", status=status, code=as_text(document.get("code")))


def _lines(answer: http.client.HTTPResponse, url: str, arrived: Callable[[float], object]) -> list[tuple[float, bytes]]:
    """Each event and when it came; nothing is parsed meanwhile, so that a fast stream is not held up."""
    found: list[tuple[float, bytes]] = []
    while line := answer.readline():
        if line.startswith(b"data: {"):
            found.append((time.perf_counter(), line))
            arrived(found[-1][0])
        elif line.startswith(b"data: [DONE]"):
            return found
    errors = [as_object(_event(line).get("error")) for _, line in found]
    message = f"{url} ended its answer too early: {as_text(errors[-1].get('message')) if errors else 'without a word'}"
    raise ServerError(message, code=as_text(errors[-1].get("code")) if errors else "")


def _timed(asked: float, lines: list[tuple[float, bytes]]) -> TimedAnswer:
    arrivals: list[float] = []
    usage: JsonObject = {}
    for arrived, line in lines:
        event = _event(line)
        usage = as_object(event.get("usage")) or usage
        if any(map(_carries_token, objects(event.get("choices")))):
            arrivals.append(arrived)
    if not arrivals or not usage:
        message = "the answer held no token, or no usage: this server cannot be measured"
        raise ServerError(message)
    return TimedAnswer(
        asked=asked,
        arrivals=tuple(arrivals),
        prompt_tokens=int(as_number(usage.get("prompt_tokens"))),
        cached_tokens=int(as_number(as_object(usage.get("prompt_tokens_details")).get("cached_tokens"))),
        completion_tokens=int(as_number(usage.get("completion_tokens"))),
    )


def _carries_token(choice: JsonObject) -> bool:
    """exo names the role once, before the text; mlx-lm's server beside each text, and ends with an empty one."""
    delta = as_object(choice.get("delta"))
    has_text = any(delta.get(name) for name in ("content", "reasoning", "reasoning_content"))
    return has_text or bool(as_list(delta.get("tool_calls"))) or "role" not in delta


def _event(line: bytes) -> JsonObject:
    return as_object(cast("JsonValue", json.loads(line.removeprefix(b"data: "))))
