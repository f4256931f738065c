"""What people and machines bring to a cluster in a storm: facts, wishes, deletions, and members that leave."""

from __future__ import annotations

import random
from functools import partial
from typing import final

from exo_core.identifiers import CommandId, InstanceId, ModelId, NodeId
from exo_core.placement import PlacementRequest
from exo_core.state.commands import (
    AddModel,
    ChangeExtension,
    CommandAccepted,
    CommandAnswer,
    DeleteInstance,
    ForgetNode,
    PlaceInstance,
)
from exo_core.state.events import ExtensionChanged
from exo_core.testing.models import model_with_layers
from exo_core.testing.simulation.cluster import VirtualCluster

MODEL = ModelId("m")
PLUGIN = "storm"
"""Whose slice of the state the facts change: each fact sets a key of its own."""


@final
class People:
    """Everything they do follows from `chance`."""

    def __init__(self, cluster: VirtualCluster, chance: random.Random) -> None:
        self._cluster = cluster
        self._chance = chance
        self._commands = 0
        self.offered = 0
        self.wished: list[InstanceId] = []

    def add_model(self) -> None:
        """The one model that is placed: three of its eight layers fill a quarter of a usual machine."""
        manifest, card = model_with_layers(MODEL, 8)
        name = self._somebody()
        if name is not None:
            self._cluster.command(name, AddModel(command_id=self._id(), manifest=manifest, card=card))

    def offer(self, most: int = 5) -> None:
        """A node observes some facts at once."""
        name = self._somebody()
        for _ in range(self._chance.randint(1, most) if name is not None else 0):
            if name is not None and self._cluster.node(name).process is not None:
                self.offered += 1
                fact = ExtensionChanged(plugin=PLUGIN, key=str(self.offered), value=self.offered)
                self._cluster.offer(name, fact, waiter=self.offered)

    def change(self) -> None:
        """Somebody types a command that sets a key."""
        name = self._somebody()
        if name is not None:
            self._commands += 1
            key = f"c{self._commands}"
            command = ChangeExtension(command_id=self._id(), plugin=PLUGIN, key=key, value=self._commands)
            self._cluster.command(name, command)

    def place(self) -> None:
        """Somebody wishes an instance, on one machine or on two."""
        name = self._somebody()
        if name is not None:
            instance_id = InstanceId(f"i{len(self.wished)}")
            request = PlacementRequest(
                instance_id=instance_id, model_id=MODEL, min_nodes=self._chance.choice((1, 1, 2))
            )
            self.wished.append(instance_id)
            self._cluster.command(name, PlaceInstance(command_id=self._id(), request=request))

    def delete(self) -> None:
        """Somebody no longer wishes one."""
        name = self._somebody()
        if name is not None and self.wished:
            instance_id = self._chance.choice(self.wished)
            self._cluster.command(name, DeleteInstance(command_id=self._id(), instance_id=instance_id))

    def forget(self, gone: NodeId) -> None:
        """Somebody strikes off a member that is dead; if it lives after all it is told so, and ends."""
        name = self._somebody()
        if name is not None and name != gone:
            command = ForgetNode(command_id=self._id(), node_id=gone, forgotten=True)
            self._cluster.command(name, command, partial(self._retire, gone))

    def leave(self, name: NodeId) -> None:
        """A member leaves by itself, and stops when that is recorded."""
        command = ForgetNode(command_id=self._id(), node_id=name, forgotten=False)
        self._cluster.command(name, command, partial(self._retire, name))

    def _retire(self, name: NodeId, answer: CommandAnswer) -> None:
        if isinstance(answer, CommandAccepted):
            self._cluster.retire(name)

    def _somebody(self) -> str | None:
        up = self._cluster.up
        return self._chance.choice(up) if up else None

    def _id(self) -> CommandId:
        self._commands += 1
        return CommandId(f"command-{self._commands}")
