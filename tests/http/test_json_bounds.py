"""JSON that would take long to check is refused before it is read; long texts are not taken for it."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, JsonValue

from exo_core.frozen import MAXIMUM_JSON_DEPTH
from exo_http.errors import ApiError
from exo_http.json_body import parse_json
from exo_http.json_bounds import A_CONTAINER, A_NAME, MOST_PARTS


class Body(BaseModel):
    """Anything."""

    model_config = ConfigDict(strict=True)
    x: JsonValue


def nested(depth: int) -> bytes:
    """A body whose innermost list lies `depth` deep, the body itself counted."""
    return b'{"x": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def refusal(body: bytes) -> str:
    """What is said of a body."""
    with pytest.raises(ApiError) as caught:
        parse_json(body, Body)
    assert (caught.value.status, caught.value.code) == (400, "invalid_json")
    return caught.value.message


def test_depth() -> None:
    parse_json(nested(MAXIMUM_JSON_DEPTH + 1), Body)
    assert "deeper than 48" in refusal(nested(MAXIMUM_JSON_DEPTH + 2))
    assert "deeper than 48" in refusal(b'{"x": [' + b"[]," * 100 + nested(60) + b"]}")


@pytest.mark.parametrize("piece", [b"1", b'"a"', b"null"])
def test_too_many_values(piece: bytes) -> None:
    assert "too much" in refusal(b'{"x": [' + b",".join([piece] * MOST_PARTS) + b"]}")
    parse_json(b'{"x": [' + b",".join([piece] * (MOST_PARTS - 10)) + b"]}", Body)


@pytest.mark.parametrize("piece", [b"[]", b"{}"])
def test_too_many_containers(piece: bytes) -> None:
    count = MOST_PARTS // (A_CONTAINER + 1)
    assert "too much" in refusal(b'{"x": [' + b",".join([piece] * count) + b"]}")
    parse_json(b'{"x": [' + b",".join([piece] * (count - 10)) + b"]}", Body)


def test_too_many_names() -> None:
    names = [b'"%06d":1' % number for number in range(MOST_PARTS // (A_NAME + 1))]
    assert "too much" in refusal(b'{"x": {' + b",".join(names) + b"}}")
    parse_json(b'{"x": {' + b",".join(names[10:]) + b"}}", Body)


def test_as_many_messages_as_a_conversation_may_have_fit() -> None:
    messages = [b'{"role": "user", "content": "well: a, b, {c}"}'] * 20_000
    body = parse_json(b'{"x": [' + b",".join(messages) + b"]}", Body)
    assert isinstance(body.x, list)
    assert len(body.x) == 20_000


def test_what_stands_in_a_text_does_not_count() -> None:
    text = ',[{\\"\\\\' * MOST_PARTS
    body = parse_json(b'{"x": "' + text.encode() + b'"}', Body)
    assert isinstance(body.x, str)
    assert len(body.x) == 5 * MOST_PARTS


@pytest.mark.parametrize("body", [b'"' + b'\\"' * 2_000_000, b'"\\' * 2_000_000, b'"' * 4_000_000 + b"," * 600_000])
def test_texts_without_an_end(body: bytes) -> None:
    assert refusal(body + b"[" * MOST_PARTS)


def test_numbers_are_finite_whatever_else_is_there() -> None:
    assert "too large" in refusal(b'{"x": ["1e999", 1E+999]}')
    assert "too large" in refusal(b'{"x": ' + b"9" * 400 + b".0}")
    assert parse_json(b'{"x": ["1e999", 1E-999, 1e300]}', Body).x == ["1e999", 0.0, 1e300]
