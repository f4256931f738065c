"""What may be asked of the master. A command is decided once, becomes facts, and is answered when they are safe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from exo_core.cards import Card
from exo_core.frozen import Count, Frozen, JsonValue
from exo_core.identifiers import CommandId, InstanceId, ModelId, NodeId
from exo_core.manifests import Manifest
from exo_core.placement import PlacementRequest


class PlaceInstance(Frozen):
    """Wish an instance; its id is the caller's, so that repeating the command changes nothing."""

    type: Literal["place_instance"] = "place_instance"
    command_id: CommandId
    request: PlacementRequest


class EnsureInstance(Frozen):
    """Wish an instance of a model unless one is wished already. The answer names the one that serves it.

    One that would go when it is idle stays from now on, if this request does not say that it may.
    """

    type: Literal["ensure_instance"] = "ensure_instance"
    command_id: CommandId
    request: PlacementRequest


class DeleteInstance(Frozen):
    """No longer wish an instance. `is_idle`: because nobody asks it anything; refused if it is wished to stay."""

    type: Literal["delete_instance"] = "delete_instance"
    command_id: CommandId
    instance_id: InstanceId
    is_idle: bool = False


class AddModel(Frozen):
    """Enter a model, already resolved and described, into the catalogue."""

    type: Literal["add_model"] = "add_model"
    command_id: CommandId
    manifest: Manifest
    card: Card


class RemoveModel(Frozen):
    """Strike a model off the catalogue. Refused while an instance of it is wished."""

    type: Literal["remove_model"] = "remove_model"
    command_id: CommandId
    model_id: ModelId


class ForgetNode(Frozen):
    """Strike a member off (`forgotten`), or say that it leaves by itself."""

    type: Literal["forget_node"] = "forget_node"
    command_id: CommandId
    node_id: NodeId
    forgotten: bool = True


class ChangeExtension(Frozen):
    """Set a key of a plugin's slice of state; None removes it."""

    type: Literal["change_extension"] = "change_extension"
    command_id: CommandId
    plugin: str
    key: str
    value: JsonValue


Command = Annotated[
    PlaceInstance | EnsureInstance | DeleteInstance | AddModel | RemoveModel | ForgetNode | ChangeExtension,
    Field(discriminator="type"),
]


class CommandAccepted(Frozen):
    """Safe on enough disks. `index` is the log's length that holds it; `instance_id` for the instance commands."""

    kind: Literal["command_accepted"] = "command_accepted"
    command_id: CommandId
    index: Count
    instance_id: InstanceId | None = None


class CommandRefused(Frozen):
    """Nothing changed, and why: an HTTP status, a stable word, a sentence that says what to do."""

    kind: Literal["command_refused"] = "command_refused"
    command_id: CommandId
    status: int
    code: str
    message: str


CommandAnswer = Annotated[CommandAccepted | CommandRefused, Field(discriminator="kind")]
