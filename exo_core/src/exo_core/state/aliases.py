"""Other names that people gave to models. Every node knows them: they lie in the state's extensions.

A model's own name goes first, and an alias stands for a model, not for another alias. So no name leads in a circle, and
none that works is changed by an alias of the same spelling.
"""

from __future__ import annotations

from collections.abc import Mapping

from exo_core.frozen import JsonValue
from exo_core.identifiers import ModelId
from exo_core.state.state import State

EXTENSION = "aliases"
"""The extension that holds them: name to model."""
_NONE: Mapping[str, JsonValue] = {}


def model_meant(state: State, name: ModelId) -> ModelId:
    """The model that a name stands for; the name itself where it is no alias."""
    if name in state.models:
        return name
    meant = state.extensions.get(EXTENSION, _NONE).get(name)
    return ModelId(meant) if isinstance(meant, str) else name


def aliases(state: State) -> Mapping[str, ModelId]:
    """Every alias that stands for a model, with that model, sorted."""
    held = state.extensions.get(EXTENSION, _NONE)
    return {
        name: ModelId(meant)
        for name, meant in sorted(held.items())
        if isinstance(meant, str) and ModelId(name) not in state.models
    }


def aliases_of(state: State, model_id: ModelId) -> tuple[str, ...]:
    """The other names of one model."""
    return tuple(name for name, meant in aliases(state).items() if meant == model_id)
