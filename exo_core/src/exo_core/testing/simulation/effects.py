"""Which facts an accepted command promises: one of them is in the log."""

from __future__ import annotations

from exo_core.state.commands import AddModel, ChangeExtension, Command, DeleteInstance, ForgetNode, PlaceInstance
from exo_core.state.events import ExtensionChanged, Fact, InstanceDeleted, InstanceRequested, ModelAdded, NodeLeft


def promised(command: Command) -> tuple[Fact, ...]:
    """The alternatives; none for commands that no storm gives."""
    match command:
        case ChangeExtension():
            return (ExtensionChanged(plugin=command.plugin, key=command.key, value=command.value),)
        case PlaceInstance():
            return (InstanceRequested(request=command.request),)
        case DeleteInstance():
            return (InstanceDeleted(instance_id=command.instance_id),)
        case ForgetNode():
            return tuple(NodeLeft(node_id=command.node_id, forgotten=forgotten) for forgotten in (True, False))
        case AddModel():
            return (ModelAdded(manifest=command.manifest, card=command.card),)
        case _:
            return ()
