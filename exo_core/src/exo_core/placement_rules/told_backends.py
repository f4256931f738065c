"""What a member's backends told of its devices: the facts that the log has, as models again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress

from pydantic import TypeAdapter, ValidationError

from exo_core.backends import BackendFacts
from exo_core.state.state import Member

_FACTS = TypeAdapter(BackendFacts)


def told_backends(member: Member) -> dict[str, BackendFacts]:
    """By backend, as its last probe found; without those that another version told in another way."""
    told, found = member.facts.get("backends"), dict[str, BackendFacts]()
    for backend, facts in told.items() if isinstance(told, dict) else ():
        with suppress(ValidationError):
            found[backend] = _FACTS.validate_json(json.dumps(facts))
    return found


def device_memory(facts: Iterable[BackendFacts]) -> int | None:
    """The most that any usable backend's device gives to models; None: no limit of its own."""
    sizes = [told.memory_for_models for told in facts if told.usable]
    return max((size for size in sizes if size is not None), default=None) if None not in sizes else None
