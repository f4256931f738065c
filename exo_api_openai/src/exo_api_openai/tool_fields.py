"""The fields by which a client declares tools and says how they may be called."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from exo_core.frozen import JsonValue
from exo_core.requests import ToolUse
from exo_http.errors import ApiError

FunctionName = Annotated[str, Field(pattern="^[a-zA-Z0-9_-]{1,64}$")]


class Open(BaseModel):
    """May hold fields that nobody here knows."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


class Function(Open):
    """What can be called. `strict` says nothing: arguments always fit their schema."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None
    strict: bool | None = None


class Tool(Open):
    """One of `tools`."""

    type: str
    function: Function | None = None


class NamedFunction(Open):
    """A function by its name."""

    name: FunctionName


class FunctionChoice(Open):
    """This function has to be called; or, in `allowed_tools`, may be."""

    type: Literal["function"]
    function: NamedFunction


class AllowedTools(Open):
    """Some of `tools`."""

    mode: Literal["auto", "required"]
    tools: Annotated[tuple[FunctionChoice, ...], Field(min_length=1, max_length=1024, fail_fast=True)]


class AllowedToolsChoice(Open):
    """Only some may be called."""

    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


Tools = Annotated[tuple[Tool, ...], Field(max_length=1024, fail_fast=True)]
ToolChoice = Literal["none", "auto", "required"] | FunctionChoice | AllowedToolsChoice


def template_tools(tools: Tools | None) -> tuple[dict[str, JsonValue], ...]:
    """The tools as chat templates expect them. Raises `ApiError` 400."""
    return tuple(_template_tool(tool, f"tools.{position}") for position, tool in enumerate(tools or ()))


def _template_tool(tool: Tool, where: str) -> dict[str, JsonValue]:
    if tool.type != "function":
        message = f"{where}.type: tools of type '{tool.type[:50]}' are not there; declare a 'function'"
        raise ApiError(400, "unsupported_value", message, param=f"{where}.type")
    if tool.function is None:
        raise ApiError(400, "invalid_value", f"{where}.function: is missing", param=f"{where}.function")
    function = cast("JsonValue", tool.function.model_dump(exclude_unset=True, exclude={"strict"}))
    return {"type": "function", "function": function}


def tool_use_of(tools: Tools | None, choice: ToolChoice | None, parallel: bool | None) -> ToolUse | None:
    """How the answer may call them; None: not at all. Raises `ApiError` 400."""
    if not tools:
        if choice not in (None, "none", "auto"):
            raise ApiError(
                400, "invalid_value", "tool_choice: there are no 'tools' to choose from", param="tool_choice"
            )
        return None
    match choice:
        case "none":
            return None
        case None | "auto":
            return ToolUse(parallel=parallel is not False)
        case "required":
            return ToolUse(choice="required", parallel=parallel is not False)
        case FunctionChoice():
            return ToolUse(choice="required", names=_names((choice,), tools), parallel=False)
        case AllowedToolsChoice(allowed_tools=allowed):
            return ToolUse(choice=allowed.mode, names=_names(allowed.tools, tools), parallel=parallel is not False)


def _names(choices: tuple[FunctionChoice, ...], tools: Tools) -> tuple[str, ...]:
    declared = {tool.function.name for tool in tools if tool.function is not None}
    names = tuple(dict.fromkeys(choice.function.name for choice in choices))
    strange = next((name for name in names if name not in declared), None)
    if strange is not None:
        raise ApiError(400, "invalid_value", f"tool_choice: '{strange}' is not one of 'tools'", param="tool_choice")
    return names
