"""What `exo bench` makes of a server that does not tell everything, or nothing that can be read."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from exo_bench.chat_server import ChatServer, ServerError
from exo_bench.subject import subject

Answers = Mapping[str, tuple[int, bytes]]
"""Status and body by path; a path that is missing breaks off."""


@contextmanager
def serving(answers: Answers) -> Generator[ChatServer]:
    """A server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path not in answers:
                return  # the connection is closed without a word
            status, body = answers[self.path]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as the library names it
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield ChatServer(f"http://127.0.0.1:{server.server_address[1]}", silence_s=5)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_state_that_is_not_shown_is_no_problem(status: int) -> None:
    models = json.dumps([{"id": "tiny", "card": {"context": 1024}}]).encode()
    with serving({"/state": (status, b"{}"), "/models": (200, models)}) as server:
        found = subject(server, "tiny")
    assert (found.stages, found.context) == (None, 1024)


def test_a_key_that_opens_nothing_is_one() -> None:
    with serving({"/state": (401, b"{}")}) as server, pytest.raises(ServerError, match="EXO_API_KEY"):
        subject(server, "tiny")


@pytest.mark.parametrize(("answers", "words"), [({}, "broke off"), ({"/state": (200, b"<html>")}, "no JSON")])
def test_what_cannot_be_read_is_told_in_one_line(answers: Answers, words: str) -> None:
    with serving(answers) as server, pytest.raises(ServerError, match=words):
        server.get("/state")
