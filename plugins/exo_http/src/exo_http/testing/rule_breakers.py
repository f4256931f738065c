"""Requests that break a rule, each cut where it breaks it: up to there it might have become an honest one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from exo_http.json_bounds import MOST_PARTS
from exo_http.testing.stream_client import request_head

CHAT = "/v1/chat/completions"
HUNDRED_MB = 100 * 2**20


@dataclass(frozen=True, kw_only=True)
class RuleBreaker:
    """`before` and then `breaking`; `after`, if any, is sent again and again as long as it is taken."""

    name: str
    before: bytes
    breaking: bytes
    after: bytes = b""


def rule_breakers(url: str, model: str, *, body_bytes: int) -> Iterator[RuleBreaker]:
    """All of them, for a server that takes bodies of `body_bytes`."""
    for name, body in {**_values(model), **_documents(model, body_bytes)}.items():
        yield _complete(url, name, body)
    yield from _heads(url)
    yield from _sizes(url, body_bytes)


def _values(model: str) -> dict[str, bytes]:
    """Bodies with one value that no field takes, written as JSON has it and beyond."""
    wrong = {
        "temperature": ("NaN", "Infinity", "-1", "1e400", '"1"'),
        "seed": (str(2**63), str(-(2**63) - 1), "1.5"),
        "max_tokens": (str(2**63), str(10**400), "0", "-1"),
        "n": ("1000000", "0", "true"),
        "top_p": ("0", "1.5", "null null"),
        "logit_bias": ('{"-1": 1}', '{"x": 1}', '{"1": 1e999}'),
        "stop": (json.dumps(["x"] * 1000), '[""]', "{}"),
        "messages": ("[]", "{}", "null", '[{"role": "nobody", "content": "x"}]', '[{"role": "user", "content": 1}]'),
        "stream_options": ('{"include_usage": 2}', "[]"),
        "tools": ("[{}]", json.dumps([{"type": "function", "function": {"name": "x" * 1000}}])),
        "response_format": ('{"type": "json_schema"}', '{"type": "xml"}'),
    }
    honest = f'"model": {json.dumps(model)}, "stream": true, "messages": [{{"role": "user", "content": "hi"}}]'
    return {
        f"{field}: {value[:24]}": f'{{{honest}, "{field}": {value}}}'.encode()
        for field, values in wrong.items()
        for value in values
    }


def _documents(model: str, body_bytes: int) -> dict[str, bytes]:
    """Bodies that are no JSON, or more of it than anybody needs."""
    head = f'{{"model": {json.dumps(model)}, "messages": '.encode()
    full = body_bytes - len(head) - 2
    return {
        "10,000 lists deep": head + b"[" * 10_000 + b"]" * 10_000 + b"}",
        "10,000 objects deep": head + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
        "lists that never end": head + b"[" * full,
        "as many lists as fit": head + b"[" + b"[]," * (full // 3 - 1) + b"[]]}",
        "as many numbers as fit": head + b"[" + b"1," * (full // 2 - 1) + b"1]}",
        "a number of millions of digits": head + b"1" * full + b"}",
        "a text that never ends": head + b'"' + b"\\\\" * (full // 2 - 1),
        "as many texts as are taken": head + b"[" + b",".join(b'"%06d"' % n for n in range(MOST_PARTS - 10)) + b"]}",
        "as many names as are taken": head + b"{" + b",".join(b'"%06d":1' % n for n in range(MOST_PARTS // 4)) + b"}}",
        "as many fields as fit": b"{" + b",".join(b'"%06d":1' % number for number in range(full // 12)) + b"}",
        "a million quotes": head + b'"' * 1_000_000,
        "no UTF-8": head + b'[{"role": "user", "content": "\xff\xfe"}]}',
        "nothing but zeros": bytes(1000),
        "two documents": head + b"[]}" + head + b"[]}",
        "a list": b"[]",
        "an empty body": b"",
    }


def _complete(url: str, name: str, body: bytes) -> RuleBreaker:
    """A request whose last byte makes it a wrong one."""
    whole = request_head(url, body, CHAT) + body
    return RuleBreaker(name=name, before=whole[:-1], breaking=whole[-1:])


def _heads(url: str) -> Iterator[RuleBreaker]:
    """Requests that are wrong before their body."""
    line, end = f"POST {CHAT} HTTP/1.1\r\n".encode(), b"\r\n\r\n"
    host = request_head(url, b"").split(b"\r\n")[1] + b"\r\n"
    kind = b"Content-Type: application/json\r\n"
    wrong = {
        "a foreign Host": line + b"Host: example.org\r\n" + kind + b"Content-Length: 2",
        "no Host": line + kind + b"Content-Length: 2",
        "a foreign Origin": line + host + kind + b"Origin: https://example.org\r\nContent-Length: 2",
        "text/plain": line + host + b"Content-Type: text/plain\r\nContent-Length: 2",
        "a length below zero": line + host + kind + b"Content-Length: -2",
        "two lengths": line + host + kind + b"Content-Length: 2\r\nContent-Length: 3",
        "a length of 100 digits": line + host + kind + b"Content-Length: " + b"9" * 100,
        "an unknown transfer coding": line + host + kind + b"Transfer-Encoding: gzip",
        "101 headers": line + host + kind + b"".join(b"X-%d: 1\r\n" % number for number in range(101)) + b"X: 1",
        "40 kB of headers": line + host + kind + b"X: " + b"a" * 40_000,
        "a target of 9 kB": f"POST {CHAT}?{'a' * 9000} HTTP/1.1\r\n".encode() + host + kind + b"Content-Length: 2",
        "no HTTP": b"\x16\x03\x01\x02\x00\x01",
        "another protocol": b"SSH-2.0-OpenSSH_9.0",
        "an unknown path": f"POST {CHAT}/x HTTP/1.1\r\n".encode() + host + kind + b"Content-Length: 0",
        "a method that is none": line.replace(b"POST", b"BREW") + host + kind + b"Content-Length: 0",
    }
    for name, head in wrong.items():
        yield RuleBreaker(name=name, before=head + end[:-1], breaking=end[-1:])


def _sizes(url: str, body_bytes: int) -> Iterator[RuleBreaker]:
    """More bytes than are taken: declared, counted, and in a head."""
    head = request_head(url, b"", CHAT).replace(b"Content-Length: 0\r\n", b"")[:-2]
    declared = head + b"Content-Length: %d\r\n\r" % HUNDRED_MB
    yield RuleBreaker(name="100 MB, as declared", before=declared, breaking=b"\n", after=bytes(2**16))
    full = b"%x\r\n" % body_bytes + b" " * body_bytes + b"\r\n"
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n" + full
    chunk = b"10000\r\n" + b" " * 2**16 + b"\r\n"
    yield RuleBreaker(name="100 MB, in chunks", before=chunked, breaking=b"1\r\n \r\n", after=chunk)
    endless = head + b"X: " + b"a" * (2**16 - len(head) - 3)
    yield RuleBreaker(name="a head that never ends", before=endless, breaking=b"aa", after=b"a" * 2**10)
