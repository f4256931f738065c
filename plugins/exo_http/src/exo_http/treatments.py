"""How an API treats each field of a request: the marks that a body's model carries, and what follows from them.

A field of a request that other software documents is honoured, accepted without effect, or refused by name:

    seed: Annotated[int | None, Honoured("drawn where it is missing")] = None
    user: Annotated[str | None, WithoutEffect("nobody is billed")] = None
    audio: Annotated[JsonValue, Refused("there is no audio")] = None

The same marks make the table in the documentation (`treatment_table`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, cast, final

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from exo_core.frozen import JsonValue
from exo_http.errors import ApiError


@dataclass(frozen=True)
class Treatment:
    """`note` is for people: what is special here."""

    word: ClassVar[str]
    note: str = ""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The field's schema says how it is treated."""
        return {**handler(core), "description": f"{self.word}: {self.note}" if self.note else self.word}


@final
@dataclass(frozen=True)
class Honoured(Treatment):
    """It does what its documentation says."""

    word: ClassVar[str] = "honoured"


@final
@dataclass(frozen=True)
class Extension(Treatment):
    """It is not in the API that is imitated; it does what `note` says."""

    word: ClassVar[str] = "extension"


@final
@dataclass(frozen=True)
class WithoutEffect(Treatment):
    """It is accepted, and nothing follows."""

    word: ClassVar[str] = "without effect"


@final
@dataclass(frozen=True)
class Refused(Treatment):
    """A 400 that names it and says `note`, unless it asks for what happens anyway.

    That is: unless it is null, one of `unless`, or the other field of `unless_field` has the value there.
    """

    word: ClassVar[str] = "refused"
    unless: tuple[JsonValue, ...] = ()
    unless_field: tuple[str, JsonValue] | None = None


def treatment_of(field: FieldInfo) -> Treatment | None:
    """A field's mark."""
    return next((mark for mark in cast("list[object]", field.metadata) if isinstance(mark, Treatment)), None)


def sent_name(name: str, field: FieldInfo) -> str:
    """What a field is called where it is sent: some words are taken in Python."""
    return field.alias or name


def refuse_by_name(body: BaseModel) -> None:
    """Raises `ApiError` 400 for the first field that asks for what is not there."""
    for sent, mark, name, holder in _refused_fields(body):
        if _asks(mark, name, holder):
            raise ApiError(400, "unsupported_parameter", f"{sent}: {mark.note}", param=sent)


def unknown_fields(body: BaseModel, prefix: str = "") -> Iterator[str]:
    """The names of fields that nobody here knows, those of objects inside included."""
    yield from (f"{prefix}{name}" for name in body.__pydantic_extra__ or {})
    for name in type(body).model_fields:
        value: object = getattr(body, name)
        if isinstance(value, BaseModel):
            yield from unknown_fields(value, f"{prefix}{name}.")


def _refused_fields(body: BaseModel, prefix: str = "") -> Iterator[tuple[str, Refused, str, BaseModel]]:
    """Each as it is sent, why, its name here, and the model that has it."""
    for name, sent, mark in _fields(type(body)):
        if isinstance(mark, Refused):
            yield f"{prefix}{sent}", mark, name, body
        value: object = getattr(body, name)
        if isinstance(value, BaseModel):
            yield from _refused_fields(value, f"{prefix}{sent}.")


@cache
def _fields(model: type[BaseModel]) -> tuple[tuple[str, str, Treatment | None], ...]:
    """Name, name as it is sent, and mark of each: the same for every request."""
    return tuple((name, sent_name(name, field), treatment_of(field)) for name, field in model.model_fields.items())


def _asks(mark: Refused, name: str, holder: BaseModel) -> bool:
    value = _plain(holder, name)
    if value is None or value in mark.unless:
        return False
    other = mark.unless_field
    return other is None or _plain(holder, other[0]) != other[1]


def _plain(holder: BaseModel, name: str) -> object:
    value: object = getattr(holder, name)
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value
