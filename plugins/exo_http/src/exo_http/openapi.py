"""`GET /openapi.json`: every route of every plugin, from the models that check requests and describe answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast, final

from pydantic import BaseModel, TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from exo_core.frozen import JsonValue
from exo_http.health import PATH as HEALTH
from exo_http.operation import EVENTS, ApiRoute, Operation

PATH = "/openapi.json"
REFERENCE = "#/components/schemas/{model}"
Document = dict[str, Any]


class ErrorFields(BaseModel):
    """What went wrong: a sentence, its family, the field at fault, a stable word."""

    message: str
    type: str
    param: str | None
    code: str


class Error(BaseModel):
    """Every error, on every route."""

    error: ErrorFields


def openapi_route(routes: Sequence[BaseRoute], version: str) -> ApiRoute:
    """A route that describes `routes` and itself."""
    operation = Operation(summary="This document", answer=dict[str, JsonValue])

    async def openapi(request: Request) -> Response:
        del request
        return JSONResponse(document)

    route = ApiRoute(PATH, openapi, operation=operation, scope="infer")
    document = openapi_document([*routes, route], version)
    return route


def openapi_document(routes: Sequence[BaseRoute], version: str) -> Document:
    """OpenAPI 3.1. A route that is no `ApiRoute` is there with its path and methods, and may answer anything."""
    found = list(_operations(routes))
    schemas = _Schemas([operation for _, _, operation in found])
    paths: Document = {}
    for route, method, operation in found:
        entry = _entry(route, method, operation, schemas)
        paths.setdefault(_path(route), {}).setdefault(method.lower(), entry)  # the first of two answers
    return {
        "openapi": "3.1.0",
        "info": {"title": "exo", "version": version},
        "paths": paths,
        "components": {"schemas": schemas.definitions, "securitySchemes": SECURITY},
    }


EVENT: Document = {
    "type": "object",
    "required": ["data"],
    "properties": {name: {"type": "string"} for name in ("data", "event", "id")},
}
"""The schema of one server-sent event. Its data is JSON, or `[DONE]`."""
SECURITY: Document = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "basic": {"type": "http", "scheme": "basic"},
}


def _operations(routes: Sequence[BaseRoute]) -> Iterator[tuple[Route, str, Operation]]:
    for route in routes:
        if isinstance(route, Route):
            for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
                yield route, method, route.operation if isinstance(route, ApiRoute) else _undescribed(route)


def _undescribed(route: Route) -> Operation:
    words = (route.endpoint.__doc__ or route.path).strip().splitlines()[0]
    return Operation(summary=words, answer=object, media_type="*/*")


@final
class _Schemas:
    """The JSON schemas of everything, with one definition for each model, however often it is used."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        kinds: list[object] = [Error]
        for operation in operations:
            kinds += [operation.answer, operation.body, *(field.kind for field in operation.query.values())]
        unique = [kind for number, kind in enumerate(kinds) if kind is not None and kind not in kinds[:number]]
        inputs: list[tuple[int, Literal["validation"], TypeAdapter[Any]]] = [
            (number, "validation", TypeAdapter[Any](cast("Any", kind))) for number, kind in enumerate(unique)
        ]
        made, definitions = TypeAdapter.json_schemas(inputs, ref_template=REFERENCE)
        self._kinds = unique
        self._made = made
        self.definitions: Document = definitions.get("$defs", {})

    def of(self, kind: object) -> Document:
        """A kind's schema."""
        return self._made[self._kinds.index(kind), "validation"]


def _entry(route: Route, method: str, operation: Operation, schemas: _Schemas) -> Document:
    entry: Document = {
        "summary": operation.summary,
        "operationId": f"{method.lower()}{re.sub(r'[^a-zA-Z0-9]+', '_', _path(route)).rstrip('_')}",
        "parameters": [*_path_parameters(route), *_query_parameters(operation, schemas)],
        "responses": {
            str(operation.status): {"description": "done", "content": _content(operation, schemas)},
            "default": {"description": "an error", "content": {"application/json": {"schema": schemas.of(Error)}}},
        },
        "security": [] if route.path == HEALTH else [{}, *({name: []} for name in SECURITY)],
    }
    if operation.body is not None:
        entry["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas.of(operation.body)}},
        }
    return entry


def _content(operation: Operation, schemas: _Schemas) -> Document:
    if operation.media_type == EVENTS:
        return {EVENTS: {"schema": EVENT}}
    content: Document = {operation.media_type: {"schema": schemas.of(operation.answer)}}
    return {**content, EVENTS: {"schema": EVENT}} if operation.may_stream else content


def _path(route: Route) -> str:
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)


def _path_parameters(route: Route) -> Iterator[Document]:
    for name in route.param_convertors:
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query_parameters(operation: Operation, schemas: _Schemas) -> Iterator[Document]:
    for name, field in operation.query.items():
        yield {
            "name": name,
            "in": "query",
            "required": field.required,
            "description": field.note,
            "schema": schemas.of(field.kind),
        }
