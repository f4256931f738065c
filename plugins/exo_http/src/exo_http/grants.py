"""What a request may do: by its key, or because none is needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast, final

from starlette.types import Scope as RequestScope

from exo_http.key_limits import UNLIMITED, KeyLimits
from exo_http.operation import Scope

EVERYTHING: frozenset[Scope] = frozenset({"infer", "admin"})
GRANT = "exo.grant"
"""Where the guard of keys notes it in a request."""
MOST = "exo.most"
"""Where an entrance notes which scopes it lets through; a request that came by HTTP has no such mark."""


@final
@dataclass(frozen=True, kw_only=True)
class Grant:
    """`key_id` names the key; it is empty where none is needed."""

    key_id: str = ""
    scopes: frozenset[Scope] = EVERYTHING
    limits: KeyLimits = UNLIMITED


def came_by_entrance(scope: RequestScope) -> bool:
    """Whether a request came another way than by HTTP; it then needs a key, whatever HTTP needs."""
    return MOST in scope


def lowered(grant: Grant, scope: RequestScope) -> Grant:
    """`grant` without what the entrance by which a request came does not let through."""
    most = cast("frozenset[Scope]", scope.get(MOST, EVERYTHING))
    return grant if grant.scopes <= most else replace(grant, scopes=grant.scopes & most)


def grant_of(scope: RequestScope) -> Grant | None:
    """What was granted to a request; None while nothing was."""
    return cast("Grant | None", scope.get(GRANT))
