"""Every hook of the core, called as the core calls it: what it is given, and what becomes of its answer."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from exo_core import hookspecs
from exo_core.built_in import built_in_plugins
from exo_core.errors import PluginError
from exo_core.frozen import JsonValue
from exo_core.identifiers import NO_EPOCH, InstanceId, ModelId, NodeId, PlacementId
from exo_core.log.memory_log import MemoryLog
from exo_core.model_folders import FolderSource
from exo_core.node_handle import AppliedEvent
from exo_core.observations import Observation
from exo_core.placement import DoesNotFit, Placement, PlacementRequest, Topology
from exo_core.plugins.manager import Plugins
from exo_core.state.events import DerivedId, Entry, NodeDead
from exo_core.state.state import State

if TYPE_CHECKING:
    from conftest import Site

HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("exo_"))
NODE = NodeId("a" * 26)
REQUEST = PlacementRequest(instance_id=InstanceId("instance-1"), model_id=ModelId("tiny"))
PLACEMENT = Placement(placement_id=PlacementId("placement-1"), parallel="pipeline", backend="mlx", shards=())


def told(plugins: Plugins, name: str) -> list[str]:
    """The list `TOLD` in which a plugin's module notes what it is told."""
    module: object = plugins.manager.get_plugin(name)
    return list(vars(module)["TOLD"])


def test_every_hook_has_a_test() -> None:
    tests = {name.removeprefix("test_") for name in globals() if name.startswith("test_exo_")}
    assert tests == set(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_defines_its_answer_in_a_docstring(name: str) -> None:
    assert len((inspect.getdoc(getattr(hookspecs, name)) or "").split()) >= 6


def test_an_implementation_may_take_fewer_arguments_than_the_hook_has(site: Site) -> None:
    site.install("ant", "@hookimpl\ndef exo_place_instance(request): return request.model_id")
    site.install("bee", "TOLD = []\n@hookimpl\ndef exo_state_rolled_back(to_length): TOLD.append(str(to_length))")
    plugins = site.plugins()
    plugins.state_rolled_back(7, State())
    assert told(plugins, "bee") == ["7"]
    assert str(plugins.place_instance(REQUEST, Topology(nodes=()), State())) == "tiny"


def test_exo_add_hookspecs(site: Site) -> None:
    """A hook declared by one plugin is called in another, whichever of them is loaded first."""
    declare = """
import sys, pluggy
@pluggy.HookspecMarker("exo")
def exo_sing(pitch): ...
@hookimpl
def exo_add_hookspecs(plugin_manager):
    plugin_manager.add_hookspecs(sys.modules[__name__])
"""
    site.install("moose", declare)
    for singer in ("ant", "zebra"):
        site.install(singer, f"@hookimpl\ndef exo_sing(pitch): return f'{singer} sings {{pitch}}'")
    plugins = site.plugins()
    assert [item.state for item in plugins.reports] == ["loaded"] * 3
    assert sorted(plugins.manager.hook.exo_sing(pitch="low")) == ["ant sings low", "zebra sings low"]


def test_exo_register_commands(site: Site) -> None:
    code = '@hookimpl\ndef exo_register_commands(group): import click; group.add_command(click.Command("{name}"))'
    site.install("ant", code.format(name="dig"))
    site.install("broken", "@hookimpl\ndef exo_register_commands(group): raise OSError('no')")
    site.install("zebra", code.format(name="gallop"))
    plugins, group = site.plugins(), click.Group("exo")
    plugins.register_commands(group)
    assert sorted(group.commands) == ["dig", "gallop"]
    assert [item.state for item in plugins.reports] == ["loaded", "failed", "loaded"]


def test_exo_register_transports(site: Site) -> None:
    site.install("ant", '@hookimpl\ndef exo_register_transports(register): register("trail", "pathlib:Path")')
    assert site.plugins().transports().get("trail") is Path  # pyright: ignore[reportUnnecessaryComparison]  a stand-in for a factory


def test_exo_register_backends(site: Site) -> None:
    site.install("ant", '@hookimpl\ndef exo_register_backends(register): register("hill", "pathlib:Path")')
    assert site.plugins().backends().get("hill") is Path  # pyright: ignore[reportUnnecessaryComparison]  as above


def test_exo_register_sources(site: Site) -> None:
    site.install("ant", '@hookimpl\ndef exo_register_sources(register): register("hill", "pathlib:Path")')
    sources = site.plugins(built_in=built_in_plugins()).sources()
    assert sources.names == ["folder", "hill", "peers"]
    assert sources.get("folder") is FolderSource


def test_exo_register_event_logs(site: Site) -> None:
    site.install("ant", '@hookimpl\ndef exo_register_event_logs(register): register("sand", "pathlib:Path")')
    event_logs = site.plugins(built_in=built_in_plugins()).event_logs()
    assert event_logs.names == ["memory", "sand", "sqlite"]
    assert event_logs.get("memory") is MemoryLog


def test_exo_register_discoveries(site: Site) -> None:
    site.install("ant", '@hookimpl\ndef exo_register_discoveries(register): register("scent", "pathlib:Path")')
    plugins = site.plugins()
    assert (plugins.discoveries().names, plugins.services().names) == (["scent"], [])


def test_exo_register_services(site: Site) -> None:
    site.install("ant", '@hookimpl\ndef exo_register_services(register): register("queen", "pathlib:Path")')
    plugins = site.plugins()
    assert (plugins.services().names, plugins.discoveries().names) == (["queen"], [])
    with pytest.raises(PluginError, match=r"no service named 'king' \(installed: queen\)"):
        plugins.services().get("king")


def test_exo_node_facts(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.install("ant", "@hookimpl\ndef exo_node_facts(node_id): return {'ant': {'of': node_id}}")
    site.install("broken", "@hookimpl\ndef exo_node_facts(node_id): raise OSError('no sensor')")
    site.install("silent", "@hookimpl\ndef exo_node_facts(node_id): return None")
    facts: dict[str, JsonValue] = site.plugins(built_in=built_in_plugins()).node_facts(NODE)
    assert sorted(facts) == ["ant", "machine"]
    assert facts["ant"] == {"of": NODE}
    assert "plugin 'broken' failed in exo_node_facts" in caplog.text


def test_exo_election_priority(site: Site) -> None:
    """The first result that is not None counts; the built-in is asked last."""
    site.install("ant", "@hookimpl\ndef exo_election_priority(node_id, state): return len(node_id)")
    site.install("shy", "@hookimpl\ndef exo_election_priority(node_id, state): return None")
    assert site.plugins(built_in=built_in_plugins()).election_priority(NODE, State()) == len(NODE)
    assert site.plugins(built_in=built_in_plugins(), blocked=("ant",)).election_priority(NODE, State()) == 0
    assert site.plugins(blocked=("ant",)).election_priority(NODE, State()) == 0


def test_exo_place_instance(site: Site) -> None:
    """A plugin that says None passes to the next; the built-in one decides last, and always."""
    refuse = """
from exo_core.placement import DoesNotFit
@hookimpl
def exo_place_instance(request, topology, state):
    return DoesNotFit(reason="no " + request.model_id) if state.created else None
"""
    site.install("ant", refuse)
    plugins = site.plugins(built_in=built_in_plugins())
    assert plugins.place_instance(REQUEST, Topology(nodes=()), State(created=True)) == DoesNotFit(reason="no tiny")
    built_in = plugins.place_instance(REQUEST, Topology(nodes=()), State())
    assert isinstance(built_in, DoesNotFit)
    assert built_in.reason != "no tiny"


def test_exo_reject_placement(site: Site) -> None:
    site.install(
        "ant", "@hookimpl\ndef exo_reject_placement(placement, topology, state): return 'too ' + placement.backend"
    )
    site.install("calm", "@hookimpl\ndef exo_reject_placement(placement, topology, state): return None")
    assert site.plugins().reject_placement(PLACEMENT, Topology(nodes=()), State()) == ["too mlx"]
    assert site.plugins(blocked=("ant",)).reject_placement(PLACEMENT, Topology(nodes=()), State()) == []


def test_a_policy_that_fails_does_not_stop_the_node(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    for hook in ("exo_place_instance", "exo_election_priority", "exo_reject_placement"):
        site.install(f"broken_{hook[4:]}", f"@hookimpl\ndef {hook}(state): raise ValueError('no idea')")
        assert site.plugins().names
    plugins = site.plugins(built_in=built_in_plugins())
    assert isinstance(plugins.place_instance(REQUEST, Topology(nodes=()), State()), DoesNotFit)
    assert plugins.election_priority(NODE, State()) == 0
    (reason,) = plugins.reject_placement(PLACEMENT, Topology(nodes=()), State())
    assert reason == "plugin 'broken_reject_placement' failed to judge the placement: ValueError: no idea"
    assert caplog.text.count("no idea") >= 3


def test_without_any_plugin_that_places_an_instance_is_refused_with_a_reason() -> None:
    answer = Plugins(points=()).place_instance(REQUEST, Topology(nodes=()), State())
    assert isinstance(answer, DoesNotFit)
    assert "default_placement" in answer.reason


# observers: told one by one, and what one of them raises reaches nobody else --------------------------------

NOTE = """
TOLD = []
@hookimpl
def {hook}({arguments}):
    TOLD.append({note})
"""
BREAK = "@hookimpl\ndef {hook}({arguments}): raise ValueError('broken')\n"


def observers(site: Site, hook: str, arguments: str, note: str) -> Plugins:
    """Plugins `ant` and `zebra` note what they are told, `broken` raises."""
    for name, code in (("ant", NOTE), ("broken", BREAK), ("zebra", NOTE)):
        site.install(name, code.format(hook=hook, arguments=arguments, note=note))
    return site.plugins()


def check_isolated(plugins: Plugins, hook: str, noted: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """Both were told, and the failure was logged."""
    assert (told(plugins, "ant"), told(plugins, "zebra")) == (noted, noted)
    assert f"plugin 'broken' failed in {hook}" in caplog.text


def test_exo_event_applied(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    entry = Entry(epoch=NO_EPOCH, event_id=DerivedId(epoch=NO_EPOCH, n=1), payload=b"", chain=b"")
    applied = AppliedEvent(index=3, entry=entry, event=NodeDead(node_id=NODE), replayed=True)
    hook = "exo_event_applied"
    plugins = observers(site, hook, "applied, state", "f'{applied.index} {applied.event.type} {state.created}'")
    plugins.event_applied(applied, State())
    check_isolated(plugins, hook, ["3 node_dead False"], caplog)


def test_exo_state_rolled_back(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    plugins = observers(site, "exo_state_rolled_back", "to_length, state", "f'{to_length} {state.created}'")
    plugins.state_rolled_back(2, State())
    check_isolated(plugins, "exo_state_rolled_back", ["2 False"], caplog)


def test_exo_observe(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    plugins = observers(site, "exo_observe", "observation", "observation.kind")
    plugins.observe(Observation(kind="link_up", subject=NODE))
    plugins.observe(Observation(kind="link_down", subject=NODE))
    check_isolated(plugins, "exo_observe", ["link_up", "link_down"], caplog)
