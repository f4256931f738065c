"""What is not exactly the JSON that was asked for is a 400 that names the field and repeats no value."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field

from exo_core.frozen import Int64, JsonValue
from exo_http.errors import ApiError
from exo_http.json_body import parse_json


class Inner(BaseModel):
    """Nested."""

    model_config = ConfigDict(strict=True)
    text: str


class Body(BaseModel):
    """A body as routes have them."""

    model_config = ConfigDict(strict=True)
    number: Int64 = 0
    share: Annotated[float, Field(ge=0, le=1)] = 0
    inner: tuple[Inner, ...] = ()
    anything: JsonValue = None
    stop: str | Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(max_length=2)] = ()


def test_a_right_body() -> None:
    body = parse_json(b'{"number": 3, "share": 1, "inner": [{"text": "x"}], "anything": {"a": [1.5]}}', Body)
    assert (body.number, body.share, body.inner[0].text, body.anything) == (3, 1.0, "x", {"a": [1.5]})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"anything": NaN}',
        b'{"anything": -Infinity}',
        b'{"anything": [{"deep": 1e999}]}',
        b'{"anything": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"anything": "\\ud800"}',
        b'{"number": ' + b"1" * 5000 + b"}",
    ],
)
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        parse_json(body, Body)
    assert (caught.value.status, caught.value.code) == (400, "invalid_json")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"number": 9223372036854775808}', "number"),
        (b'{"number": "1"}', "number"),
        (b'{"number": 1.5}', "number"),
        (b'{"share": 2}', "share"),
        (b'{"inner": [{"text": "a"}, {"text": 5}]}', "inner.1.text"),
        (b'{"inner": [{}]}', "inner.0.text"),
        (b"[]", None),
    ],
)
def test_what_is_not_what_was_asked_for(body: bytes, param: str | None) -> None:
    with pytest.raises(ApiError) as caught:
        parse_json(body, Body)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_a_value_is_never_repeated() -> None:
    with pytest.raises(ApiError) as caught:
        parse_json(b'{"number": "my secret prompt"}', Body)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        (b'{"stop": [""]}', "stop.0", "at least 1 character"),
        (b'{"stop": ["a", 5]}', "stop.1", "valid string"),
        (b'{"stop": ["a", "b", "c"]}', "stop", "List should have at most 2 items"),
        (b'{"stop": 5}', "stop", "valid"),
    ],
)
def test_of_several_types_the_one_that_was_meant_is_named(body: bytes, param: str, said: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_json(body, Body)
    assert caught.value.param == param
    assert said.lower() in caught.value.message.lower()
