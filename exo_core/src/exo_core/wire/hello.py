"""What two nodes tell each other first, and which differences make them part again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Self

from pydantic import ConfigDict

from exo_core.frozen import Count, Frozen
from exo_core.identifiers import BootId, ClusterId, Epoch, NodeId
from exo_core.transports import Ticket

WIRE_VERSION = 1
"""Changes whenever an older node would misunderstand a newer one."""

RefusalCode = Literal[
    "version", "cluster", "consistency", "election", "identity", "copied_identity", "duplicate", "membership", "role"
]
"""`duplicate` is no complaint: another link between the two is being kept."""


class Preamble(Frozen):
    """What every version of exo, past and future, has in its first message: enough to say why the two cannot talk."""

    model_config = ConfigDict(extra="ignore")

    type: str
    wire_version: Count
    exo_version: str
    node_id: NodeId
    name: str


class Hello(Frozen):
    """The dialler's first message: who it is and how its cluster works.

    `consistency` is None until the node has seen its cluster's first fact. `tickets` are those by which the node itself
    is reached. `link_number` is the router's: it grows with every Hello and Welcome of one boot. `better`: there is a
    live link already, which works, and this one is to take its place.
    """

    type: Literal["hello"] = "hello"
    wire_version: Count = WIRE_VERSION
    exo_version: str
    cluster_id: ClusterId
    node_id: NodeId
    boot: BootId
    name: str
    epoch: Epoch
    consistency: Literal["availability", "majority"] | None
    plugins: tuple[str, ...]
    election: str
    reducer_fingerprint: str
    tickets: tuple[Ticket, ...] = ()
    link_number: Count = 0
    better: bool = False


class Welcome(Frozen):
    """The acceptor's answer: it holds the same of itself, and the link is live."""

    type: Literal["welcome"] = "welcome"
    wire_version: Count
    exo_version: str
    node_id: NodeId
    name: str
    hello: Hello

    @classmethod
    def of(cls, hello: Hello) -> Self:
        """The answer of a node that would introduce itself by `hello`."""
        return cls(
            wire_version=hello.wire_version,
            exo_version=hello.exo_version,
            node_id=hello.node_id,
            name=hello.name,
            hello=hello,
        )


class Refusal(Frozen):
    """Why there will be no link, in a sentence for people. Its form never changes."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["refusal"] = "refusal"
    wire_version: Count
    exo_version: str
    node_id: NodeId
    name: str
    code: str
    reason: str

    @classmethod
    def by(cls, own: Hello, code: RefusalCode, reason: str) -> Self:
        """A refusal in the name of the node that would introduce itself by `own`."""
        return cls(
            wire_version=own.wire_version,
            exo_version=own.exo_version,
            node_id=own.node_id,
            name=own.name,
            code=code,
            reason=reason,
        )


Judge = Callable[[Hello], str | None]
"""A node's own reasons to refuse a peer (a member that was forgotten, for instance), or None."""


def version_complaint(own: Hello, other: Preamble) -> str | None:
    """The sentence for two nodes that do not speak the same wire format; None when they do."""
    if other.wire_version == own.wire_version:
        return None
    older, newer = (own, other) if own.wire_version < other.wire_version else (other, own)
    return (
        f"{own.name} runs exo {own.exo_version} (wire {own.wire_version}) and {other.name} runs exo "
        f"{other.exo_version} (wire {other.wire_version}): bring {older.name} to exo {newer.exo_version}"
    )


def complaint(own: Hello, other: Hello, proven: NodeId, judge: Judge) -> tuple[RefusalCode, str] | None:
    """Why `own` cannot have a link with `other`, whose certificate proves `proven`; None when it can."""
    if other.node_id != proven:
        return "identity", f"{other.name} says it is {other.node_id} and its certificate says {proven}"
    if other.cluster_id != own.cluster_id:
        return "cluster", f"{other.name} is of cluster {other.cluster_id}, {own.name} of {own.cluster_id}"
    if other.node_id == own.node_id:
        return _one_identity(own, other)
    if None not in (own.consistency, other.consistency) and own.consistency != other.consistency:
        return "consistency", (
            f"this cluster keeps '{own.consistency}' and {other.name} was started for '{other.consistency}': "
            f"consistency is fixed when a cluster is created"
        )
    if other.election != own.election:
        return "election", f"{other.name} elects by '{other.election}', {own.name} by '{own.election}'"
    reason = judge(other)
    return None if reason is None else ("membership", reason)


def copied_identity(own: Hello, other: Hello) -> str:
    """The sentence for a second machine that shows the same node id."""
    return (
        f"two machines with one copied identity: {other.name} says it is {other.node_id}, which {own.name} knows as "
        f"another running machine; give one of them a new home (exo run --home DIR)"
    )


def _one_identity(own: Hello, other: Hello) -> tuple[RefusalCode, str]:
    if own.boot == other.boot:
        return "identity", f"this is {own.name} itself"
    return "copied_identity", copied_identity(own, other)
