"""What a route takes and gives: for people, for `GET /openapi.json`, and for the guard of scopes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, final

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Scope = Literal["infer", "admin"]
"""What a key may do: ask models, or everything."""
Method = Literal["GET", "POST", "DELETE"]
EVENTS = "text/event-stream"


@final
@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of the query. `kind` is any type that pydantic can describe."""

    kind: object = str
    required: bool = False
    note: str = ""


@final
@dataclass(frozen=True, kw_only=True)
class Operation:
    """`answer` is a type as pydantic describes it, of the body that comes with `status`.

    Errors look the same on every route and are not mentioned. `may_stream`: the body may ask for server-sent events.
    `asks_models`: the limits of a key hold for it.
    """

    summary: str
    answer: object
    status: int = 200
    media_type: str = "application/json"
    may_stream: bool = False
    asks_models: bool = False
    body: type[BaseModel] | None = None
    query: Mapping[str, Field] = field(default_factory=dict[str, Field])


@final
class ApiRoute(Route):
    """A route that says what it does, and which scope a key needs for it."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response]],
        *,
        operation: Operation,
        method: Method = "GET",
        scope: Scope = "admin",
    ) -> None:
        super().__init__(path, endpoint, methods=[method])
        self.operation = operation
        self.scope: Scope = scope
