"""What a member's backends told of its devices: the facts that the log has, as models again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

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


@dataclass(frozen=True)
class DeviceMemory:
    """The most that a device gives to models. `is_own`: beside the machine's memory, not of it."""

    size: int
    is_own: bool = False


def device_memory(facts: Iterable[BackendFacts]) -> DeviceMemory | None:
    """That of the usable backend whose device has most; None: one has no limit but the machine's memory."""
    usable = [told for told in facts if told.usable]
    limited = [(told.memory_for_models, told.memory_is_own) for told in usable if told.memory_for_models is not None]
    return DeviceMemory(*max(limited)) if limited and len(limited) == len(usable) else None
