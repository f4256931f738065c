"""The field `response_format`: what an answer must look like."""

from __future__ import annotations

import json
from typing import Annotated, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from exo_core.frozen import JsonObject
from exo_core.requests import MOST_GRAMMAR_TEXT, Grammar
from exo_http.errors import ApiError
from exo_http.treatments import Honoured, WithoutEffect

SCHEMA = "response_format.json_schema"
SchemaName = Annotated[str, Field(pattern="^[a-zA-Z0-9_-]{1,64}$")]


class JsonSchema(BaseModel):
    """A JSON schema with a name."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    name: Annotated[SchemaName, WithoutEffect("unless the chat template knows it")]
    description: Annotated[str | None, WithoutEffect("unless the chat template knows it")] = None
    schema_: Annotated[
        JsonObject | None,
        Field(alias="schema"),
        Honoured("any JSON where it is missing; a keyword that is not supported is named in a 400"),
    ] = None
    strict: Annotated[bool | None, Honoured("an answer fits its schema even where it is false")] = None


class ResponseFormat(BaseModel):
    """Text, a JSON object, or JSON that fits a schema."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    type: Annotated[
        Literal["text", "json_object", "json_schema"], Honoured("given to the chat template, which may know it")
    ]
    json_schema: Annotated[JsonSchema | None, Honoured("only together with the type `json_schema`")] = None


def template_argument(response_format: ResponseFormat | None) -> JsonObject:
    """What the chat template is told; nothing where plain text is asked for."""
    if response_format is None or response_format.type == "text":
        return {}
    asked = cast("JsonObject", response_format.model_dump(by_alias=True, exclude_unset=True))
    return {"response_format": asked}


def grammar_of(response_format: ResponseFormat | None) -> Grammar | None:
    """What the engine holds the answer to; None: nothing. Raises `ApiError` 400."""
    if response_format is None or response_format.type == "text":
        return None
    if response_format.type == "json_object":
        return Grammar(kind="json_object")
    if response_format.json_schema is None:
        raise ApiError(400, "invalid_value", f"{SCHEMA}: is missing", param=SCHEMA)
    text = json.dumps(response_format.json_schema.schema_ or {})
    if len(text) > MOST_GRAMMAR_TEXT:
        message = f"{SCHEMA}: has {len(text)} characters; {MOST_GRAMMAR_TEXT} at most"
        raise ApiError(400, "invalid_value", message, param=SCHEMA)
    return Grammar(kind="json_schema", text=text)
