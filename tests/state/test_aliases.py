"""Other names of models: what each stands for, and that no name leads in a circle."""

from __future__ import annotations

from exo_core.frozen import JsonValue
from exo_core.identifiers import CommandId, InstanceId, ModelId, NodeId
from exo_core.placement import PlacementRequest
from exo_core.state.aliases import EXTENSION, aliases, aliases_of, model_meant
from exo_core.state.apply import apply_all
from exo_core.state.commands import EnsureInstance, PlaceInstance
from exo_core.state.decide import Decision, decide
from exo_core.state.events import ExtensionChanged, ModelAdded, NodeJoined
from exo_core.state.state import State
from exo_core.testing.models import model_with_layers


def state_with(**names: JsonValue) -> State:
    """One model, `org/m`, and these aliases."""
    manifest, card = model_with_layers(ModelId("org/m"), 2)
    events = [ExtensionChanged(plugin=EXTENSION, key=name, value=value) for name, value in names.items()]
    joined = NodeJoined(node_id=NodeId("a"), name="A")
    return apply_all(State(), [joined, ModelAdded(manifest=manifest, card=card), *events])


def test_a_name_stands_for_its_model_and_any_other_for_itself() -> None:
    state = state_with(fast="org/m")
    assert model_meant(state, ModelId("fast")) == "org/m"
    assert model_meant(state, ModelId("org/m")) == "org/m"
    assert model_meant(state, ModelId("slow")) == "slow"
    assert (aliases(state), aliases_of(state, ModelId("org/m"))) == ({"fast": "org/m"}, ("fast",))


def test_one_step_is_made_and_no_more() -> None:
    state = state_with(a="b", b="a", c="c")
    assert [model_meant(state, ModelId(name)) for name in "abc"] == ["b", "a", "c"]


def test_a_models_own_name_is_not_taken_from_it() -> None:
    state = state_with(**{"org/m": "other"})
    assert model_meant(state, ModelId("org/m")) == "org/m"
    assert aliases(state) == {}


def test_what_a_later_version_wrote_stands_for_nothing() -> None:
    state = state_with(strange={"model": "org/m"}, number=5)
    assert model_meant(state, ModelId("strange")) == "strange"
    assert aliases(state) == {}


def test_a_wish_by_another_name_is_a_wish_of_the_model() -> None:
    state = state_with(fast="org/m")
    request = PlacementRequest(instance_id=InstanceId("i"), model_id=ModelId("fast"))
    for command in (
        PlaceInstance(command_id=CommandId("c"), request=request),
        EnsureInstance(command_id=CommandId("c"), request=request),
    ):
        decision = decide(state, command)
        assert isinstance(decision, Decision)
        placed = apply_all(state, decision.facts)
        assert placed.instances[InstanceId("i")].request.model_id == "org/m"
        again = EnsureInstance(
            command_id=CommandId("d"),
            request=PlacementRequest(instance_id=InstanceId("j"), model_id=ModelId("fast")),
        )
        assert decide(placed, again) == Decision(instance_id=InstanceId("i"))
