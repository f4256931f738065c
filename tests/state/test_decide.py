"""What commands become, and that asking twice changes nothing."""

from __future__ import annotations

from typing import get_args

import pytest

from exo_core.identifiers import BootId, CommandId, InstanceId, ModelId, NodeId, PlacementId, RunnerId
from exo_core.placement import Placement, PlacementRequest, Shard
from exo_core.state.apply import apply_all
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
from exo_core.state.decide import Decision, decide
from exo_core.state.events import InstancePlaced, ModelAdded, NodeDead, NodeStarted, RunnerReady
from exo_core.state.state import State
from exo_core.testing.models import model_with_layers

ID = CommandId("c")
MANIFEST, CARD = model_with_layers(ModelId("m"), 2)
BASE = apply_all(
    State(),
    [
        NodeStarted(node_id=NodeId("a"), boot=BootId(1), name="A", version="1"),
        ModelAdded(manifest=MANIFEST, card=CARD),
    ],
)


TWO = apply_all(BASE, [NodeStarted(node_id=NodeId("b"), boot=BootId(1), name="B", version="1")])


def wish(
    instance: str,
    model: str = "m",
    min_nodes: int = 1,
    nodes: tuple[str, ...] = (),
    unload_after_s: int = 0,
) -> PlacementRequest:
    return PlacementRequest(
        instance_id=InstanceId(instance),
        model_id=ModelId(model),
        min_nodes=min_nodes,
        nodes=tuple(map(NodeId, nodes)),
        unload_after_s=unload_after_s,
    )


def after(state: State, command: Command) -> State:
    decision = decide(state, command)
    assert isinstance(decision, Decision), decision
    return apply_all(state, decision.facts)


ACCEPTED: list[Command] = [
    PlaceInstance(command_id=ID, request=wish("i")),
    EnsureInstance(command_id=ID, request=wish("i")),
    AddModel(command_id=ID, manifest=MANIFEST.model_copy(update={"revision": "2"}), card=CARD),
    ChangeExtension(command_id=ID, plugin="p", key="k", value=1),
    ForgetNode(command_id=ID, node_id=NodeId("a"), forgotten=False),
]


@pytest.mark.parametrize("command", ACCEPTED, ids=lambda command: command.type)
def test_a_command_again_is_accepted_and_makes_no_new_fact(command: Command) -> None:
    first = decide(TWO, command)
    assert isinstance(first, Decision)
    assert first.facts
    again = decide(apply_all(TWO, first.facts), command)
    assert again == Decision(instance_id=first.instance_id)


def test_deleting_again_is_accepted_too() -> None:
    state = after(BASE, PlaceInstance(command_id=ID, request=wish("i")))
    delete = DeleteInstance(command_id=ID, instance_id=InstanceId("i"))
    assert decide(after(state, delete), delete) == Decision(instance_id=InstanceId("i"))


def test_ensure_names_the_instance_that_is_wished_already() -> None:
    state = after(BASE, PlaceInstance(command_id=ID, request=wish("first")))
    assert decide(state, EnsureInstance(command_id=ID, request=wish("second"))) == Decision(
        instance_id=InstanceId("first")
    )


def test_what_may_go_when_it_is_idle_stays_once_somebody_wishes_so() -> None:
    name = InstanceId("i")
    idle = DeleteInstance(command_id=ID, instance_id=name, is_idle=True)
    may_go = EnsureInstance(command_id=ID, request=wish("i", unload_after_s=60))
    state = after(BASE, may_go)
    assert state.instances[name].request.unload_after_s == 60
    assert decide(state, may_go) == Decision(instance_id=name)
    assert not after(state, idle).instances
    stays = after(state, EnsureInstance(command_id=ID, request=wish("another")))
    assert stays.instances[name].request.unload_after_s == 0
    assert list(stays.instances) == [name]
    assert decide(stays, may_go) == Decision(instance_id=name), "who would let it go changes nothing"
    refused = decide(stays, idle)
    assert isinstance(refused, CommandRefused)
    assert (refused.status, refused.code) == (409, "instance_stays")
    placed = after(BASE, PlaceInstance(command_id=ID, request=wish("i")))
    assert isinstance(decide(placed, idle), CommandRefused)


REFUSED: list[tuple[Command, int, str, str]] = [
    (PlaceInstance(command_id=ID, request=wish("i", "x")), 404, "model_not_found", "exo models add x"),
    (EnsureInstance(command_id=ID, request=wish("i", "x")), 404, "model_not_found", "exo models add x"),
    (RemoveModel(command_id=ID, model_id=ModelId("x")), 404, "model_not_found", "exo models"),
    (PlaceInstance(command_id=ID, request=wish("i", nodes=("z",))), 404, "node_not_found", "A (a)"),
    (PlaceInstance(command_id=ID, request=wish("i", min_nodes=3)), 409, "too_few_nodes", "exo invite"),
    (DeleteInstance(command_id=ID, instance_id=InstanceId("x")), 404, "instance_not_found", "exo status"),
    (ForgetNode(command_id=ID, node_id=NodeId("z")), 404, "node_not_found", "exo status"),
    (ForgetNode(command_id=ID, node_id=NodeId("a")), 409, "node_alive", "exo leave"),
    (ForgetNode(command_id=ID, node_id=NodeId("a"), forgotten=False), 409, "nobody_stays", "nothing to leave"),
    (
        AddModel(command_id=ID, manifest=MANIFEST, card=CARD.model_copy(update={"model_id": ModelId("y")})),
        400,
        "card_mismatch",
        "'y'",
    ),
]


@pytest.mark.parametrize(("command", "status", "code", "hint"), REFUSED, ids=lambda item: getattr(item, "type", None))
def test_a_refusal_says_what_to_do(command: Command, status: int, code: str, hint: str) -> None:
    refusal = decide(BASE, command)
    assert isinstance(refusal, CommandRefused)
    assert (refusal.command_id, refusal.status, refusal.code) == (ID, status, code)
    assert hint in refusal.message


def test_a_model_in_use_is_not_removed() -> None:
    state = after(BASE, PlaceInstance(command_id=ID, request=wish("i")))
    refusal = decide(state, RemoveModel(command_id=ID, model_id=ModelId("m")))
    assert isinstance(refusal, CommandRefused)
    assert (refusal.status, refusal.code) == (409, "model_in_use")
    assert "exo remove i" in refusal.message


def test_an_instance_id_is_used_once() -> None:
    state = after(BASE, PlaceInstance(command_id=ID, request=wish("i")))
    state = after(state, DeleteInstance(command_id=ID, instance_id=InstanceId("i")))
    refusal = decide(state, PlaceInstance(command_id=ID, request=wish("i")))
    assert isinstance(refusal, CommandRefused)
    assert refusal.code == "instance_deleted"


def test_a_dead_node_can_be_forgotten() -> None:
    state = apply_all(BASE, [NodeDead(node_id=NodeId("a"))])
    assert after(state, ForgetNode(command_id=ID, node_id=NodeId("a"))).left == {"a": True}


def test_nobody_leaves_machines_that_are_all_dead() -> None:
    leave = ForgetNode(command_id=ID, node_id=NodeId("a"), forgotten=False)
    refusal = decide(apply_all(TWO, [NodeDead(node_id=NodeId("b"))]), leave)
    assert isinstance(refusal, CommandRefused)
    assert "exo forget" in refusal.message


def test_every_command_is_decided() -> None:
    tried = {type(command) for command in (*ACCEPTED, *(item[0] for item in REFUSED))}
    assert tried == set(get_args(get_args(Command)[0]))


NEWER = AddModel(command_id=ID, manifest=MANIFEST.model_copy(update={"revision": "newer"}), card=CARD)


def test_under_a_new_revision_what_does_not_serve_is_wished_anew() -> None:
    wished = after(BASE, PlaceInstance(command_id=ID, request=wish("i", nodes=("a",))))
    renewed = after(wished, NEWER)
    ((name, instance),) = renewed.instances.items()
    assert name != "i"
    assert instance.request == wish(name, nodes=("a",))
    assert "i" in renewed.deleted
    assert after(renewed, NEWER) == renewed, "the same command again changes nothing"


def test_under_a_new_revision_what_serves_goes_on() -> None:
    shard = Shard(runner_id=RunnerId("r"), node_id=NodeId("a"), stage=0, stages=1, start_layer=0, end_layer=2)
    placement = Placement(placement_id=PlacementId("1"), parallel="pipeline", backend="b", shards=(shard,))
    serving = apply_all(
        after(BASE, PlaceInstance(command_id=ID, request=wish("i"))),
        [
            InstancePlaced(instance_id=InstanceId("i"), placement=placement),
            RunnerReady(runner_id=RunnerId("r"), instance_id=InstanceId("i"), node_id=NodeId("a"), boot=BootId(1)),
        ],
    )
    newer = after(serving, NEWER)
    assert newer.instances == serving.instances
    assert newer.models[ModelId("m")].manifest.revision == "newer"
