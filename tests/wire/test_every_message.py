"""Every model that crosses a process or enters the log comes back as it was, and other bytes are refused in one way.

Nothing is listed here: models and adapters are found where they are defined, and values are made from their types, so
that a new message is tested from its first day.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import tracemalloc
import types
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, NewType, Union, cast, get_args, get_origin

import pytest
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

import exo_core
import exo_engine
from exo_core.errors import WireError
from exo_core.frozen import Frozen, JsonValue
from exo_core.messaging import Call, Topic
from exo_core.wire.codec import decode, encode, unpack

PACKAGES = (exo_core, exo_engine)
LONG = 2**63
Strategy = st.SearchStrategy[Any]
Adapter = TypeAdapter[Any]
UNHURRIED = [HealthCheck.too_slow, HealthCheck.data_too_large]


# what there is -------------------------------------------------------------------------------------------------


def modules() -> Iterator[types.ModuleType]:
    """All of these packages but what is run as a program or is only for tests."""
    for package in PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__") and ".testing" not in found.name:
                yield importlib.import_module(found.name)


def models(base: type[BaseModel] = Frozen) -> Iterator[type[BaseModel]]:
    """What is built on `Frozen`."""
    for model in base.__subclasses__():
        if model.__module__.startswith(tuple(package.__name__ for package in PACKAGES)):
            yield model
        yield from models(model)


def adapters() -> Iterator[tuple[str, Adapter]]:
    """Those of modules, of topics and of calls."""
    for module in MODULES:
        for name, value in vars(module).items():
            where = f"{module.__name__}.{name}"
            if isinstance(value, TypeAdapter):
                yield where, cast("Adapter", value)
            elif isinstance(value, Topic):
                yield where, cast("Topic[Any]", value).adapter
            elif isinstance(value, Call):
                call = cast("Call[Any, Any]", value)
                yield from ((f"{where} (question)", call.question), (f"{where} (reply)", call.reply))


MODULES = list(modules())
FOUND: dict[str, Adapter] = {f"{model.__module__}.{model.__qualname__}": TypeAdapter(model) for model in models()}
FOUND.update({id(adapter): (where, adapter) for where, adapter in adapters()}.values())  # each once


# values of a type ----------------------------------------------------------------------------------------------

json_values: Strategy = st.recursive(
    st.none() | st.booleans() | st.integers(-LONG, LONG - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def values_of(kind: Any, limits: tuple[Any, ...] = ()) -> Strategy:
    """Values of a type, within the limits that come with its annotation."""
    if kind == JsonValue or (kind == get_args(JsonValue)[0]):
        return json_values
    if get_origin(kind) is Annotated:
        inner, *more = get_args(kind)
        told = [limit for item in more for limit in (item.metadata if isinstance(item, FieldInfo) else [item])]
        return values_of(inner, (*limits, *told))
    if isinstance(kind, NewType):
        return values_of(kind.__supertype__, limits)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return instances_of(kind)
    if get_origin(kind) is not None:
        return composed_of(get_origin(kind), get_args(kind), limits)
    return plain(kind, limits)


def plain(kind: Any, limits: tuple[Any, ...]) -> Strategy:
    """Numbers, text and bytes."""
    low, high = limit_of(limits, Ge, "ge", limit_of(limits, Gt, "gt", None)), limit_of(limits, Le, "le", None)
    below = limit_of(limits, Lt, "lt", None)
    shortest, longest = limit_of(limits, MinLen, "min_length", 0), limit_of(limits, MaxLen, "max_length", 8)
    has_floor = any(isinstance(limit, Gt) for limit in limits)
    if kind is int:
        low = low + 1 if has_floor else -LONG if low is None else low
        return st.integers(low, LONG - 1 if high is None and below is None else high if below is None else below - 1)
    made: dict[Any, Strategy] = {
        bool: st.booleans(),
        float: st.floats(low, high, allow_nan=False, allow_infinity=not limits, exclude_min=has_floor),
        str: st.text(min_size=shortest, max_size=max(shortest, min(longest, 8))),
        bytes: st.binary(min_size=shortest, max_size=max(shortest, min(longest, 8))),
        type(None): st.none(),
    }
    return made[kind]


def limit_of(limits: tuple[Any, ...], kind: type, name: str, otherwise: Any) -> Any:
    """The limit of that kind, if there is one."""
    return next((getattr(limit, name) for limit in limits if isinstance(limit, kind)), otherwise)


def composed_of(origin: Any, inner: tuple[Any, ...], limits: tuple[Any, ...]) -> Strategy:
    """Choices and collections."""
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in (Union, types.UnionType):
        return st.one_of([values_of(kind, limits) for kind in inner])
    if origin is tuple and inner[1:] != (...,):
        return st.tuples(*(values_of(kind) for kind in inner))
    if origin in (tuple, list):
        several = st.lists(values_of(inner[0]), max_size=3)
        return several.map(lambda items: cast("object", tuple(items))) if origin is tuple else several
    assert issubclass(origin, Mapping), f"this test does not know how a value of {origin} is made"
    return st.dictionaries(values_of(inner[0]), values_of(inner[1]), max_size=3)


@cache
def instances_of(model: type[BaseModel]) -> Strategy:
    """Each field of any value that its type allows."""
    fields = {name: st.deferred(lambda field=field: field_of(field)) for name, field in model.model_fields.items()}
    return st.fixed_dictionaries(fields).map(model.model_validate)


def field_of(field: FieldInfo) -> Strategy:
    if any(type(item).__name__ == "BeforeValidator" for item in field.metadata):
        return json_values
    return values_of(field.annotation, tuple(field.metadata))


def type_of(adapter: Adapter) -> Any:
    """What the adapter is for."""
    return vars(adapter)["_type"]  # pydantic has no public name for it


def damaged(data: st.DataObject, encoded: bytes) -> bytes:
    """Some other bytes, most of them nearly right."""
    content = bytearray(encoded)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, max(0, len(content) - 1)))
        content[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    return bytes(content[: data.draw(st.integers(0, len(content)))]) if data.draw(st.booleans()) else bytes(content)


def check(where: str, examples: int) -> None:
    """Values come back, and bytes that are none of them raise `WireError` or are another value."""
    adapter = FOUND[where]

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        database=None,
    )
    @given(st.deferred(lambda: values_of(type_of(adapter))), st.data())
    def checked(value: Any, data: st.DataObject) -> None:
        encoded = encode(adapter, value)
        again = decode(adapter, encoded)
        assert (again, encode(adapter, again)) == (value, encoded)
        with contextlib.suppress(WireError):
            decode(adapter, damaged(data, encoded))

    checked()


@pytest.mark.parametrize("where", sorted(FOUND))
def test_it_comes_back_and_other_bytes_are_refused(where: str) -> None:
    check(where, 8)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("where", sorted(FOUND))
def test_it_comes_back_and_other_bytes_are_refused_for_long(where: str) -> None:
    check(where, 300)


def test_there_are_models_and_adapters() -> None:
    for name in ("Heartbeat", "Replicate", "Snapshot", "Entry", "Hello", "NodeTelemetry", "Generate", "ModelAdded"):
        assert any(where.endswith(f".{name}") for where in FOUND), name
    assert any(where.endswith("LOG_TOPIC") for where in FOUND)


@pytest.mark.parametrize("element", [b"\x80", b"\x90", b"\xa0", b"\xc0", b"\x01", b"\x91\x80", b"\x81\x01\x80"])
def test_what_decoding_takes_is_bounded_by_what_came(element: bytes) -> None:
    """The smallest values that msgpack has, and as many as there is room for."""
    count = 50_000
    data = b"\xdd" + count.to_bytes(4, "big") + element * count
    tracemalloc.start()
    try:
        unpack(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200 * len(data)
