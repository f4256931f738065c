"""`decide`: what a command becomes, judged by the master against the present state. Pure.

Every decision can be asked for again (a client that heard no answer repeats its command at the next master): a wish
that is known, a deletion that happened and a model that is described already are accepted without a new fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from exo_core.frozen import Frozen
from exo_core.identifiers import InstanceId, ModelId, NodeId
from exo_core.placement import PlacementRequest
from exo_core.state.aliases import model_meant
from exo_core.state.commands import (
    AddModel,
    ChangeExtension,
    Command,
    CommandRefused,
    DeleteInstance,
    EnsureInstance,
    ForgetNode,
    PlaceInstance,
    RemoveModel,
)
from exo_core.state.events import (
    ExtensionChanged,
    Fact,
    InstanceDeleted,
    InstanceRequested,
    ModelAdded,
    ModelRemoved,
    NodeLeft,
)
from exo_core.state.instance_status import instance_status
from exo_core.state.state import Member, State


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a command becomes: facts to append (none: it holds already), and the instance it is about."""

    facts: tuple[Fact, ...] = ()
    instance_id: InstanceId | None = None


def decide(state: State, command: Command) -> Decision | CommandRefused:
    """What the command becomes, or why not."""
    return _DECISIONS[type(command)](state, command)


def _place(state: State, command: PlaceInstance) -> Decision | CommandRefused:
    request = command.request
    if request.instance_id in state.instances:
        return Decision(instance_id=request.instance_id)
    if request.instance_id in state.deleted:
        text = f"Instance '{request.instance_id}' was deleted; place the model again under a new instance id."
        return _refused(command, 409, "instance_deleted", text)
    return _wish(state, command, request)


def _ensure(state: State, command: EnsureInstance) -> Decision | CommandRefused:
    serving = _best_instance(state, model_meant(state, command.request.model_id))
    if serving is None:
        return _wish(state, command, command.request)
    known = state.instances[serving].request
    if not known.unload_after_s or command.request.unload_after_s:
        return Decision(instance_id=serving)
    staying = known.model_copy(update={"unload_after_s": 0})
    return Decision(facts=(InstanceRequested(request=staying),), instance_id=serving)


def _wish(
    state: State, command: PlaceInstance | EnsureInstance, request: PlacementRequest
) -> Decision | CommandRefused:
    request = request.model_copy(update={"model_id": model_meant(state, request.model_id)})
    refusal = _why_not(state, command, request)
    if refusal is not None:
        return refusal
    return Decision(facts=(InstanceRequested(request=request),), instance_id=request.instance_id)


def _why_not(state: State, command: PlaceInstance | EnsureInstance, request: PlacementRequest) -> CommandRefused | None:
    if request.model_id not in state.models:
        return _unknown_model(command, request.model_id)
    strangers = [node_id for node_id in request.nodes if node_id not in state.members]
    if strangers:
        known = ", ".join(f"{member.name} ({member.node_id})" for member in state.members.values())
        text = f"No machine '{strangers[0]}' belongs to this cluster; its machines are: {known}."
        return _refused(command, 404, "node_not_found", text)
    if request.min_nodes > len(state.members):
        text = (
            f"At least {request.min_nodes} machines are asked for, and this cluster has {len(state.members)}. Join "
            f"another one with a code from `exo invite`, or ask for fewer."
        )
        return _refused(command, 409, "too_few_nodes", text)
    return None


def _best_instance(state: State, model_id: ModelId) -> InstanceId | None:
    """Of the wished instances of a model the one that is nearest to answering."""
    order = ("ready", "loading", "placing", "waiting", "failed")
    wished = [name for name, instance in state.instances.items() if instance.request.model_id == model_id]
    return min(wished, key=lambda name: (order.index(instance_status(state, name)[0]), name), default=None)


def _delete(state: State, command: DeleteInstance) -> Decision | CommandRefused:
    name = command.instance_id
    wished = state.instances.get(name)
    if wished is not None and command.is_idle and not wished.request.unload_after_s:
        return _refused(command, 409, "instance_stays", f"Instance '{name}' is wished to stay, idle or not.")
    if wished is not None:
        return Decision(facts=(InstanceDeleted(instance_id=name),), instance_id=name)
    if name in state.deleted:
        return Decision(instance_id=name)
    text = f"No instance '{name}' is known; `exo status` lists them."
    return _refused(command, 404, "instance_not_found", text)


def _add_model(state: State, command: AddModel) -> Decision | CommandRefused:
    known = state.models.get(command.manifest.model_id)
    if known is not None and (known.manifest, known.card) == (command.manifest, command.card):
        return Decision()
    if command.card.model_id != command.manifest.model_id:
        text = f"The card is of '{command.card.model_id}', the manifest of '{command.manifest.model_id}'."
        return _refused(command, 400, "card_mismatch", text)
    added = ModelAdded(manifest=command.manifest, card=command.card)
    if known is None or known.manifest.revision == command.manifest.revision:
        return Decision(facts=(added,))
    return Decision(facts=(added, *_wished_anew(state, command)))


def _wished_anew(state: State, command: AddModel) -> Iterator[Fact]:
    """Under a new revision, instances that do not serve the old one are wished again; those that serve it go on.

    The new ids follow from the command, so that the same command at the next master wishes nothing twice.
    """
    for name, instance in state.instances.items():
        if instance.request.model_id == command.manifest.model_id and instance_status(state, name)[0] != "ready":
            renewed = InstanceId(f"i-{sha256(f'{command.command_id} {name}'.encode()).hexdigest()[:8]}")
            yield InstanceDeleted(instance_id=name)
            request = instance.request.model_copy(update={"instance_id": renewed, "placement": None})
            yield InstanceRequested(request=request)


def _remove_model(state: State, command: RemoveModel) -> Decision | CommandRefused:
    if command.model_id not in state.models:
        return _unknown_model(command, command.model_id)
    using = [name for name, instance in state.instances.items() if instance.request.model_id == command.model_id]
    if using:
        text = f"Model '{command.model_id}' is used by instance {', '.join(using)}. First type: exo remove {using[0]}"
        return _refused(command, 409, "model_in_use", text)
    return Decision(facts=(ModelRemoved(model_id=command.model_id),))


def _forget_node(state: State, command: ForgetNode) -> Decision | CommandRefused:
    if command.node_id in state.left:
        return Decision()
    member = state.members.get(command.node_id)
    if member is None:
        text = f"No machine '{command.node_id}' belongs to this cluster; `exo status` lists them."
        return _refused(command, 404, "node_not_found", text)
    if command.forgotten and not member.dead:
        text = f"{member.name} is alive. Stop exo there first, or type `exo leave` on it."
        return _refused(command, 409, "node_alive", text)
    if not command.forgotten and not _others_alive(state, command.node_id):
        return _refused(command, 409, "nobody_stays", _nobody_stays(state, member))
    return Decision(facts=(NodeLeft(node_id=command.node_id, forgotten=command.forgotten),))


def _others_alive(state: State, node_id: NodeId) -> bool:
    return any(not other.dead for other in state.members.values() if other.node_id != node_id)


def _nobody_stays(state: State, member: Member) -> str:
    if len(state.members) == 1:
        return (
            f"{member.name} is the only machine of its cluster: there is nothing to leave. To join another "
            f"cluster, stop exo and type: exo run --join CODE"
        )
    return (
        "No other machine of this cluster is alive, so nobody would remember it. Start one of them; or strike off what "
        "is gone for good: exo forget NODE"
    )


def _change_extension(state: State, command: ChangeExtension) -> Decision | CommandRefused:
    if state.extensions.get(command.plugin, {}).get(command.key) == command.value:
        return Decision()
    return Decision(facts=(ExtensionChanged(plugin=command.plugin, key=command.key, value=command.value),))


def _unknown_model(command: Command, model_id: ModelId) -> CommandRefused:
    text = f"Model '{model_id}' is not in the catalogue. See `exo models list`, or type: exo models add {model_id}"
    return _refused(command, 404, "model_not_found", text)


def _refused(command: Command, status: int, code: str, message: str) -> CommandRefused:
    return CommandRefused(command_id=command.command_id, status=status, code=code, message=message)


# Any: each row takes its own command, which a mapping's type cannot say; a test checks every row.
_DECISIONS: Mapping[type[Frozen], Callable[[State, Any], Decision | CommandRefused]] = {
    PlaceInstance: _place,
    EnsureInstance: _ensure,
    DeleteInstance: _delete,
    AddModel: _add_model,
    RemoveModel: _remove_model,
    ForgetNode: _forget_node,
    ChangeExtension: _change_extension,
}
