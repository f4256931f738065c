"""The marks on a request's fields: what is refused by name, what is ignored by name, and the table for people."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from exo_http.errors import ApiError
from exo_http.treatment_table import treatment_table
from exo_http.treatments import Extension, Honoured, Refused, WithoutEffect, refuse_by_name, unknown_fields


class Options(BaseModel):
    """Nested."""

    model_config = ConfigDict(strict=True, extra="allow")
    loud: Annotated[bool | None, Refused("nothing here is loud", unless=(False,))] = None
    plain: Annotated[bool | None, Honoured()] = None


class Body(BaseModel):
    """A body as routes have them."""

    model_config = ConfigDict(strict=True, extra="allow")
    number: Annotated[Annotated[int, Field(ge=1, lt=2**31)] | None, Honoured("counted")] = None
    way: Annotated[Literal["up", "down"] | None, Extension()] = None
    user: Annotated[str | None, WithoutEffect("nobody is billed")] = None
    tools: Annotated[
        tuple[dict[str, JsonValue], ...] | None, Refused("no tools", unless=([],), unless_field=("choice", "none"))
    ] = None
    choice: Annotated[JsonValue, Refused("no choice", unless=("none",))] = None
    options: Annotated[Options | None, Honoured()] = None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ('{"tools": [{}]}', "tools"),
        ('{"tools": [{}], "choice": "all"}', "tools"),
        ('{"choice": {"name": "none"}}', "choice"),
        ('{"options": {"loud": true}}', "options.loud"),
    ],
)
def test_what_cannot_be_honoured_is_named(body: str, param: str) -> None:
    with pytest.raises(ApiError) as caught:
        refuse_by_name(Body.model_validate_json(body))
    assert (caught.value.status, caught.value.param) == (400, param)
    assert caught.value.message.startswith(f"{param}: no")


@pytest.mark.parametrize(
    "body",
    ["{}", '{"tools": []}', '{"tools": null}', '{"tools": [{}], "choice": "none"}', '{"options": {"loud": false}}'],
)
def test_what_asks_for_what_happens_anyway_is_not(body: str) -> None:
    asked = Body.model_validate_json(body)
    refuse_by_name(asked)
    assert list(unknown_fields(asked)) == [], "nor is it ignored"


def test_unknown_fields_are_found_at_every_level() -> None:
    body = Body.model_validate_json('{"frob": 1, "user": "me", "options": {"odd": 2, "plain": true}}')
    assert list(unknown_fields(body)) == ["frob", "options.odd"]


def test_the_table_has_a_row_for_each_field() -> None:
    rows = treatment_table(Body).splitlines()[2:]
    assert rows == [
        "| `number` | integer from 1 below 2^31 | honoured | counted |",
        "| `options` | object | honoured |  |",
        "| `options.plain` | boolean | honoured |  |",
        "| `way` | `up`, `down` | extension |  |",
        "| `user` | string | without effect | nobody is billed |",
        '| `choice` | anything | refused | no choice; accepted: `"none"` |',
        "| `options.loud` | boolean | refused | nothing here is loud; accepted: `false` |",
        '| `tools` | list of object | refused | no tools; accepted: `[]`, with `choice`: `"none"` |',
    ]
