"""Registers: named components, who gave them, and what is said about missing ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import metadata

import pytest

from exo_core.errors import PluginError
from exo_core.registers import Register


def register_of(*offers: tuple[str, str]) -> Register[Callable[..., object]]:
    """A register of transports with these (plugin, name) offers, each found at `json:loads`."""
    register = Register[Callable[..., object]]("transport")
    for plugin, name in offers:
        register.plugin = plugin
        register(name, "json:loads")
    return register


def test_a_component_is_imported_when_it_is_asked_for() -> None:
    assert register_of(("pigeon", "pigeon")).get("pigeon") is json.loads


def test_a_factory_may_be_given_as_it_is() -> None:
    register = Register[Callable[..., object]]("transport")
    register("here", json.dumps)
    assert register.get("here") is json.dumps


def test_it_knows_who_gave_what() -> None:
    register = register_of(("tcp", "tcp"), ("aviary", "pigeon"), ("aviary", "gull"))
    assert register.names == ["gull", "pigeon", "tcp"]
    assert register.of_plugin("aviary") == ["gull", "pigeon"]
    assert [(item.name, item.plugin) for item in register] == [("gull", "aviary"), ("pigeon", "aviary"), ("tcp", "tcp")]


def test_what_a_plugin_offered_can_be_taken_back() -> None:
    register = register_of(("tcp", "tcp"), ("aviary", "pigeon"))
    register.drop_plugin("aviary")
    assert register.names == ["tcp"]


def test_a_name_offered_twice_is_an_error_that_names_both_owners() -> None:
    register = register_of(("aviary", "pigeon"))
    register.plugin = "post"
    message = "transport 'pigeon' is provided by both plugin 'aviary' and plugin 'post'"
    with pytest.raises(PluginError) as raised:
        register("pigeon", "json:dumps")
    assert str(raised.value) == message


def test_a_name_offered_twice_is_used_by_neither() -> None:
    register = register_of(("aviary", "pigeon"), ("tcp", "tcp"))
    register.plugin = "post"
    with pytest.raises(PluginError):
        register("pigeon", "json:dumps")
    assert register.names == ["tcp"]
    with pytest.raises(PluginError, match=r"both plugin 'aviary' and plugin 'post'; keep one of them with --without"):
        register.get("pigeon")


@pytest.mark.parametrize("extra", metadata("exo").get_all("Provides-Extra", []))
def test_a_missing_component_of_ours_says_what_is_installed_and_what_to_type(extra: str) -> None:
    with pytest.raises(PluginError) as raised:
        register_of(("aviary", "pigeon"), ("aviary", "gull")).get(extra)
    message = f"no transport named '{extra}' (installed: gull, pigeon). Install it: uv sync --extra {extra}"
    assert str(raised.value) == message


def test_a_missing_component_of_a_stranger_does_not_invent_an_extra() -> None:
    with pytest.raises(
        PluginError, match=r"no transport named 'owl' \(installed: none\)\. Install the package of this"
    ):
        register_of().get("owl")


def test_a_missing_component_names_plugins_that_failed_to_load() -> None:
    register = Register[Callable[..., object]]("transport", absent=lambda: {"aviary": "failed: OSError: no loft"})
    with pytest.raises(PluginError, match=r"plugin 'aviary' failed: OSError: no loft$"):
        register.get("pigeon")


@pytest.mark.parametrize("where", ["no_such_module:Owl", "json:Owl", "json"])
def test_a_component_that_cannot_be_imported_names_its_plugin(where: str) -> None:
    register = register_of()
    register.plugin = "aviary"
    register("owl", where)
    with pytest.raises(PluginError, match=r"^'owl' of plugin 'aviary' failed to import: "):
        register.get("owl")
