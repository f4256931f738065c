"""One greedy answer as a client of the OpenAI API sees it: every token, and when it came."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass
from typing import cast, final

from exo_core.cli.documents import as_list, as_number, as_object, as_text, objects
from exo_core.frozen import JsonObject, JsonValue
from exo_core.testing.node_process import NodeProcess, eventually

SILENCE_S = 120.0
"""A stream on which nothing comes for so long has hung, whatever the machine does besides."""


@dataclass(frozen=True)
class Token:
    """`margin`: how much likelier it was than the next best, in nats. `arrived_at`: on `time.monotonic`."""

    content: bytes
    margin: float
    arrived_at: float


@final
class RecordedStream:
    """Asks at once, reads in a thread of its own.

    When it ended, `is_complete` says that all of it came; else `error` says why not, and `was_told` whether it was the
    server that said so (and not a connection that broke).
    """

    def __init__(self, node: NodeProcess, prompt: str, *, tokens: int, model: str = "tiny") -> None:
        self.prompt = prompt
        self.gateway = node.name
        self.tokens: list[Token] = []
        self.is_complete = False
        self.error = ""
        self.was_told = False
        self.ended_at = 0.0
        self._address = ("127.0.0.1", node.port)
        self._body: JsonObject = {
            "model": model,
            "messages": [{"role": "user", "content": prompt}],
            "stream": True,
            "max_tokens": tokens,
            "ignore_eos": True,
            "temperature": 0,
            "logprobs": True,
            "top_logprobs": 2,
        }
        self._thread = threading.Thread(target=self._record, daemon=True, name=f"stream at {node.name}")
        self._thread.start()

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return self.ended_at > 0

    def wait_for_tokens(self, count: int) -> None:
        """Return when so many have come. Raises `AssertionError` when they never do."""
        eventually(lambda: len(self.tokens) >= count or self.has_ended, f"{count} tokens", seconds=SILENCE_S)
        assert len(self.tokens) >= count, f"{len(self.tokens)} tokens, then: {self.error or 'the end'}"

    def wait_for_end(self) -> None:
        """Return when it ended. Raises `AssertionError` when it hangs."""
        self._thread.join(2 * SILENCE_S)
        assert self.has_ended, f"the stream at {self.gateway} hangs after {len(self.tokens)} tokens"

    def was_crossed_by(self, moment: float) -> bool:
        """Whether that moment lies between the second and the last token."""
        return len(self.tokens) > 2 and self.tokens[1].arrived_at < moment < self.tokens[-1].arrived_at

    def _record(self) -> None:
        try:
            self._read()
        except (OSError, http.client.HTTPException) as problem:
            self.error = f"{type(problem).__name__}: {problem}"
        self.ended_at = time.monotonic()

    def _read(self) -> None:
        connection = http.client.HTTPConnection(*self._address, timeout=SILENCE_S)
        connection.request("POST", "/v1/chat/completions", json.dumps(self._body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            self._fail(as_object(json.load(answer)))
        while line := answer.readline():
            data = line.removeprefix(b"data: ").strip()
            if data == b"[DONE]":
                self.is_complete = True
            elif data.startswith(b"{"):
                self._take(cast("JsonObject", json.loads(data)))
        if not (self.is_complete or self.error):
            self.error = "the connection ended without a word"
        connection.close()

    def _take(self, event: JsonObject) -> None:
        if "error" in event:
            self._fail(event)
            return
        now = time.monotonic()
        for choice in objects(event["choices"]):
            for item in objects(as_object(choice.get("logprobs")).get("content")):
                self.tokens.append(_token(item, now))

    def _fail(self, event: JsonObject) -> None:
        error = as_object(event.get("error"))
        self.error, self.was_told = f"{as_text(error.get('code'))}: {as_text(error.get('message'))}", True


def _token(item: JsonObject, arrived_at: float) -> Token:
    best, second = (as_number(other["logprob"]) for other in objects(item["top_logprobs"]))
    return Token(_content(item["bytes"]), best - second, arrived_at)


def _content(value: JsonValue) -> bytes:
    return bytes(int(as_number(number)) for number in as_list(value))
