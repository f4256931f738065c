"""Why a model has no place, in sentences with numbers."""

from __future__ import annotations

from collections.abc import Sequence

from exo_core.cards import Card
from exo_core.identifiers import ModelId
from exo_core.placement import DoesNotFit, NodeResources
from exo_core.placement_rules.memory_needs import range_bytes


def size(count: int) -> str:
    """Bytes for people: `41.2 GB`, `512.0 MB`."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} bytes"


def unknown_model(model_id: ModelId) -> DoesNotFit:
    """It is not in the catalogue."""
    return DoesNotFit(reason=f"{model_id} is not in the catalogue; type: exo models add {model_id}")


def no_machines() -> DoesNotFit:
    """Nobody is there."""
    return DoesNotFit(reason="no machine of this cluster is reachable now")


def absent_nodes(names: Sequence[str]) -> DoesNotFit:
    """Machines were named that are not here."""
    return DoesNotFit(reason=f"it may only use machines that are not reachable now: {', '.join(names)}")


def no_backend(card: Card, nodes: Sequence[NodeResources]) -> DoesNotFit:
    """No machine, or too few, can run it."""
    have = "; ".join(f"{node.name} has {', '.join(node.backends) or 'none'}" for node in nodes)
    return DoesNotFit(reason=f"{card.model_id} needs the backend {' or '.join(card.backends)}; {have}")


def only_on_one_node(card: Card, name: str) -> DoesNotFit:
    """Its files cannot be fetched by others."""
    return DoesNotFit(reason=f"the files of {card.model_id} lie on {name} only")


def too_few_machines(asked: int, usable: Sequence[NodeResources]) -> DoesNotFit:
    """More machines were asked for than there are."""
    names = ", ".join(node.name for node in usable) or "none"
    return DoesNotFit(reason=f"at least {asked} machines are asked for; those that can run it now: {names}")


def too_few_cuts(card: Card, asked: int) -> DoesNotFit:
    """It cannot be cut into so many parts."""
    parts = len(card.cut_points) + 1
    return DoesNotFit(reason=f"{card.model_id} can be split into {parts} at most and not into {asked}{_why(card)}")


def too_large(card: Card, nodes: Sequence[NodeResources], kv_tokens: int) -> DoesNotFit:
    """Not enough memory, or enough but in pieces that no permitted cut fits."""
    whole = range_bytes(card, 0, card.layers, kv_tokens)
    free = " + ".join(size(node.memory_for_models) for node in nodes)
    machines = "the machine has" if len(nodes) == 1 else f"the {len(nodes)} machines have"
    needs = (
        f"{card.model_id} needs {size(whole)} ({size(card.weight_bytes)} of weights, the rest for {kv_tokens} tokens "
        f"of context); {machines} {free} free for models"
    )
    if sum(node.memory_for_models for node in nodes) < whole or len(nodes) == 1:
        return DoesNotFit(reason=needs)
    return DoesNotFit(reason=f"{needs}, but no permitted cut makes parts that fit{_why(card)}")


def _why(card: Card) -> str:
    reasons = list(dict.fromkeys(cut.reason for cut in card.forbidden_cuts))
    return f": {'; '.join(reasons)}" if reasons else ""
