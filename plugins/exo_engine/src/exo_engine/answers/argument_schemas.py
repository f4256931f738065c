"""Whether arguments fit their JSON schema, which a client sent: nothing is fetched, and no pattern takes long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

from exo_core.errors import RequestRefused
from exo_core.frozen import JsonValue
from exo_engine.answers.tool_format import Function

MOST_BACKTRACKING = 100_000
"""Steps of a regular expression with look-around; a text that takes more does not fit."""


def argument_check(function: Function) -> Callable[[Mapping[str, JsonValue]], bool]:
    """Raises `RequestRefused` (400) for a schema that is none."""
    import jsonschema_rs

    options = cast("Any", jsonschema_rs.FancyRegexOptions(backtrack_limit=MOST_BACKTRACKING))
    try:
        validator = jsonschema_rs.validator_for(
            dict(function.parameters), retriever=_fetch_nothing, pattern_options=options
        )
    except ValueError as problem:
        reason = " ".join(str(problem).split())[:300]
        message = f"tools: the parameters of '{function.name}' are no JSON schema: {reason}"
        raise RequestRefused(400, "invalid_tool", message) from problem
    return lambda arguments: validator.is_valid(dict(arguments))


def _fetch_nothing(address: str) -> NoReturn:
    message = f"{address} is not fetched; put it into the schema"
    raise ValueError(message)
