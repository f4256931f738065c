"""The names by which the parts of a cluster know each other."""

from __future__ import annotations

from functools import total_ordering
from typing import NewType

from exo_core.frozen import Frozen

NodeId = NewType("NodeId", str)
"""base32(SHA-256(Ed25519 public key))[:26], lower case: who a machine is, across restarts."""

ClusterId = NewType("ClusterId", str)
"""Derived from the cluster's secret; names the cluster without giving the secret away."""

BootId = NewType("BootId", int)
"""Random, 63 bits, drawn at every start of a node."""

InstanceId = NewType("InstanceId", str)
PlacementId = NewType("PlacementId", str)
RunnerId = NewType("RunnerId", str)
ModelId = NewType("ModelId", str)
"""A hub id (`org/name`), the path of a folder, or `tiny`."""

RequestId = NewType("RequestId", str)
CommandId = NewType("CommandId", str)


@total_ordering
class Epoch(Frozen):
    """One reign of one master. Epochs are ordered; a node's epoch never goes back."""

    term: int = 0
    master_id: NodeId = NodeId("")

    def __lt__(self, other: Epoch) -> bool:
        return (self.term, self.master_id) < (other.term, other.master_id)


NO_EPOCH = Epoch()
"""Before any master was ever heard of."""


class Origin(Frozen):
    """The start of a node at which a fact was observed."""

    node_id: NodeId
    boot: BootId
