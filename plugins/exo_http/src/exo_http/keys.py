"""API keys: what the cluster keeps of one, and what a key may do. Pure.

A key is drawn by `exo key create` and shown once. The cluster keeps its SHA-256 under the plugin's name in its state,
so that every node knows it; 256 random bits need no slower hash.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, ValidationError

from exo_core.frozen import Count, Frozen, JsonValue
from exo_http.grants import EVERYTHING, Grant
from exo_http.key_limits import UNLIMITED, KeyLimits
from exo_http.operation import Scope

PLUGIN = "http"
"""Under which keys lie in the state's extensions."""
PREFIX = "key:"


class KeyRecord(Frozen):
    """What the cluster keeps. `created` is Unix time, seconds."""

    name: Annotated[str, Field(max_length=100)] = ""
    scopes: tuple[Scope, ...]
    sha256: str
    created: Count
    limits: KeyLimits = UNLIMITED


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """A key that was drawn just now."""

    key_id: str
    secret: str
    record: KeyRecord


def draw_key(name: str, scopes: Iterable[Scope], now: int, limits: KeyLimits = UNLIMITED) -> NewKey:
    """A new key of 256 random bits."""
    secret = f"exo-{secrets.token_urlsafe(32)}"
    record = KeyRecord(
        name=name, scopes=tuple(sorted(set(scopes))), sha256=digest(secret.encode()), created=now, limits=limits
    )
    return NewKey(key_id=secrets.token_hex(4), secret=secret, record=record)


def digest(secret: bytes) -> str:
    """By which a key is known."""
    return hashlib.sha256(secret).hexdigest()


def key_records(extension: Mapping[str, JsonValue]) -> Mapping[str, KeyRecord]:
    """Id to record, of the plugin's slice of state. What a later version wrote and this one cannot read is left out."""
    found: dict[str, KeyRecord] = {}
    for name, value in extension.items():
        if name.startswith(PREFIX) and value is not None:
            try:
                found[name.removeprefix(PREFIX)] = KeyRecord.model_validate(value, strict=False)
            except ValidationError:
                continue
    return found


def grant_of_key(key_id: str, record: KeyRecord) -> Grant:
    """What a request with this key may do: who may do everything may ask models too."""
    scopes = EVERYTHING if "admin" in record.scopes else frozenset(record.scopes)
    return Grant(key_id=key_id, scopes=scopes, limits=record.limits)
