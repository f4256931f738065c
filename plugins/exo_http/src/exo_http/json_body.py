"""Reading a JSON body into a pydantic model: what is not exactly that is a 400 that names the field."""

from __future__ import annotations

from typing import TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json
from starlette.requests import Request

from exo_core.frozen import JsonValue
from exo_http.errors import ApiError
from exo_http.json_bounds import check_bounds, check_counts, may_break_bounds

ModelT = TypeVar("ModelT", bound=BaseModel)


async def read_json(request: Request, model: type[ModelT]) -> ModelT:
    """The request's body as `model`. Raises `ApiError` 400."""
    return parse_json(await request.body(), model)


def parse_json(body: bytes, model: type[ModelT]) -> ModelT:
    """`body` as `model`.

    Raises `ApiError` 400: no JSON, NaN or Infinity, too deep, too many values, or not what the model asks for.
    """
    check_counts(body)
    if may_break_bounds(body):
        check_bounds(_read(body), body)
    try:
        return model.model_validate_json(body)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise _no_json(body, str(first.get("ctx", {}).get("error"))) from None
        raise invalid_field(problem) from None


def _read(body: bytes) -> JsonValue:
    """What JSON it is. Raises `ApiError` 400."""
    try:
        return cast("JsonValue", from_json(body, allow_inf_nan=False, cache_strings=False))  # looked at once
    except ValueError as problem:
        raise _no_json(body, str(problem)) from None


def _no_json(body: bytes, reason: str) -> ApiError:
    return ApiError(400, "invalid_json", f"the body is not JSON: {reason if body else 'the body is empty'}")


def invalid_field(problem: ValidationError) -> ApiError:
    """The first thing wrong, without the value that was sent: it may be a prompt."""
    errors = problem.errors(include_url=False, include_context=False, include_input=False)
    around = errors[0]["loc"][:-1]
    wrong = max((error for error in errors if error["loc"][: len(around)] == around), key=_came_far)
    param = field_path(wrong["loc"])
    return ApiError(400, "invalid_value", f"{param or 'body'}: {_sentence(wrong)}", param=param or None)


_TAGS = frozenset({"str", "int", "float", "bool"})


def _came_far(error: ErrorDetails) -> tuple[int, bool]:
    """Where one of several types may stand, the one that fitted furthest was meant."""
    return len(error["loc"]), not error["type"].endswith("_type")


def field_path(location: tuple[int | str, ...]) -> str:
    """`("messages", 0, "content")` as OpenAI writes it: `messages.0.content`. Union tags are left out."""
    parts = [str(part) for part in location if isinstance(part, int) or (part.isidentifier() and part not in _TAGS)]
    return ".".join(parts)[:200]


def _sentence(detail: ErrorDetails) -> str:
    message = detail["msg"].replace("Tuple should", "List should").replace(" after validation", "")
    return message[:1].lower() + message[1:]
