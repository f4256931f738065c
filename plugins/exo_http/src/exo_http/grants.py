"""What a request may do: by its key, or because none is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, final

from starlette.types import Scope as RequestScope

from exo_http.key_limits import UNLIMITED, KeyLimits
from exo_http.operation import Scope

EVERYTHING: frozenset[Scope] = frozenset({"infer", "admin"})
GRANT = "exo.grant"
"""Where the guard of keys notes it in a request."""


@final
@dataclass(frozen=True, kw_only=True)
class Grant:
    """`key_id` names the key; it is empty where none is needed."""

    key_id: str = ""
    scopes: frozenset[Scope] = EVERYTHING
    limits: KeyLimits = UNLIMITED


def grant_of(scope: RequestScope) -> Grant | None:
    """What was granted to a request; None while nothing was."""
    return cast("Grant | None", scope.get(GRANT))
