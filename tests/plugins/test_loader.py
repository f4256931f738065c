"""Which plugins are loaded, in which order, and what becomes of broken ones."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from exo_core.built_in import NAMES, built_in_plugins
from exo_core.errors import PluginError
from exo_core.plugins.loader import installed_entry_points
from exo_core.plugins.manager import Plugins

if TYPE_CHECKING:
    from conftest import Site

TRANSPORT = """
@hookimpl
def exo_register_transports(register):
    register("{name}", "json:loads")
"""


def report(plugins: Plugins, name: str) -> tuple[str, str]:
    """State and reason of one plugin."""
    return next((item.state, item.reason) for item in plugins.reports if item.name == name)


def test_plugins_are_loaded_in_the_order_of_their_names(site: Site) -> None:
    for name in ("zebra", "ant", "moose"):
        site.install(name, "")
    plugins = Plugins(points=[point for point in installed_entry_points() if point in site.points])
    modules = [point.value for point in site.points]
    assert [name for name in sys.modules if name in modules] == modules
    assert [item.name for item in plugins.reports] == ["ant", "moose", "zebra"]
    assert plugins.names == ["ant", "moose", "zebra"]


def test_a_report_names_distribution_and_version(site: Site) -> None:
    site.install("ant", "", distribution="exo-ant", version="3.2")
    (only,) = site.plugins().reports
    assert (only.distribution, only.version, only.state, only.reason) == ("exo-ant", "3.2", "loaded", "")


def test_a_blocked_plugin_is_not_even_imported(site: Site) -> None:
    site.install("ant", "raise SystemExit('imported')")
    plugins = site.plugins(blocked=("ant",))
    assert plugins.names == []
    assert report(plugins, "ant") == ("blocked", "blocked by --without or EXO_DISABLED_PLUGINS")


def test_a_built_in_plugin_can_be_blocked_too() -> None:
    plugins = Plugins(built_in=built_in_plugins(), points=(), blocked=("folder",))
    assert plugins.names == sorted(NAMES.keys() - {"folder"})


def test_one_name_from_two_distributions_is_an_error_that_names_both(site: Site) -> None:
    site.install("ant", "", distribution="exo-ant")
    site.install("ant", "", distribution="other-ant")
    with pytest.raises(PluginError, match=r"plugin 'ant' is provided by both (exo|other)-ant and (exo|other)-ant"):
        installed_entry_points()


def test_the_command_line_says_so_in_one_line_and_without_a_traceback(site: Site) -> None:
    site.install("ant", "", distribution="exo-ant")
    site.install("ant", "", distribution="other-ant")
    for words in (["--help"], ["plugins"], ["no-such-command"]):
        done = subprocess.run(
            [sys.executable, "-m", "exo_core", *words],
            env={"PYTHONPATH": str(site.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1, words
        assert done.stderr.startswith("Error: plugin 'ant' is provided by both"), done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_only_the_plugins_asked_for_are_loaded(site: Site) -> None:
    site.install("ant", "raise SystemExit('imported')")
    site.install("bee", "")
    assert Plugins(points=site.points, only=("bee",)).names == ["bee"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise ValueError('the moon is full')", "ValueError: the moon is full"),
        ("@hookimpl\ndef exo_node_facts(weather): ...", "PluginValidationError"),
        ("def exo_broken(:", "SyntaxError"),
        ("@hookimpl\ndef exo_add_hookspecs(plugin_manager): raise OSError('disk full')", "OSError: disk full"),
    ],
)
def test_a_plugin_that_fails_to_load_is_reported_and_kills_no_other(site: Site, code: str, reason: str) -> None:
    site.install("broken", code)
    site.install("ant", TRANSPORT.format(name="ant"))
    site.install("zebra", TRANSPORT.format(name="zebra"))
    plugins = site.plugins()
    assert report(plugins, "broken")[0] == "failed"
    assert reason in report(plugins, "broken")[1]
    assert plugins.names == ["ant", "zebra"]
    assert plugins.transports().names == ["ant", "zebra"]


def test_a_plugin_that_fails_to_load_is_fatal_when_it_is_selected(site: Site) -> None:
    site.install("pigeon", "raise OSError('no loft')")
    with pytest.raises(PluginError, match=r"Plugin 'pigeon' is installed but failed: OSError: no loft"):
        site.plugins().transports().get("pigeon")


def test_a_blocked_plugin_that_is_selected_says_that_it_is_blocked(site: Site) -> None:
    site.install("pigeon", "")
    with pytest.raises(PluginError, match=r"Plugin 'pigeon' is installed but is blocked by --without"):
        site.plugins(blocked=("pigeon",)).transports().get("pigeon")


def test_a_component_that_fails_to_import_is_fatal_when_it_is_selected(site: Site) -> None:
    site.install(
        "pigeon", '@hookimpl\ndef exo_register_backends(register): register("parrot", "no_such_module:Parrot")'
    )
    backends = site.plugins().backends()
    assert backends.names == ["parrot"]
    with pytest.raises(PluginError, match=r"'parrot' of plugin 'pigeon' failed to import: ModuleNotFoundError"):
        backends.get("parrot")


def test_a_registration_that_raises_takes_back_what_it_offered(site: Site) -> None:
    site.install("broken", TRANSPORT.format(name="half") + "    raise ValueError('half-way')\n")
    site.install("zebra", TRANSPORT.format(name="zebra"))
    plugins = site.plugins()
    assert plugins.transports().names == ["zebra"]
    assert report(plugins, "broken") == ("failed", "ValueError: half-way")
    with pytest.raises(PluginError, match=r"plugin 'broken' failed: ValueError: half-way"):
        plugins.transports().get("half")


def test_an_unknown_hook_may_need_a_newer_core(site: Site) -> None:
    site.install("future", "@hookimpl\ndef exo_read_minds(node_id): ...")
    site.install("zebra", "")
    plugins = site.plugins()
    state, reason = report(plugins, "future")
    assert state == "failed"
    assert "unknown hook 'exo_read_minds'" in reason
    assert "may need a newer exo-core" in reason
    assert plugins.names == ["zebra"]


def test_an_unknown_hook_that_is_marked_optional_is_none_of_our_business(site: Site) -> None:
    site.install("future", "@hookimpl(optionalhook=True)\ndef exo_read_minds(node_id): ...")
    assert report(site.plugins(), "future") == ("loaded", "")


@pytest.mark.parametrize("kind", ["wrapper", "hookwrapper"])
def test_a_hook_of_the_core_cannot_be_wrapped(site: Site, kind: str) -> None:
    site.install("ant", f"@hookimpl({kind}=True)\ndef exo_observe(observation): yield")
    plugins = site.plugins()
    assert report(plugins, "ant") == (
        "failed",
        "PluginError: exo_observe cannot be wrapped; implement it with plain @hookimpl",
    )
    assert plugins.names == []


def test_an_entry_point_must_name_a_module(site: Site) -> None:
    site.install("ant", "class Ant: ...")
    points = [type(point)(point.name, f"{point.value}:Ant", point.group) for point in site.points]
    assert "must name a module" in report(Plugins(points=points), "ant")[1]


def test_a_plugin_may_not_take_the_name_of_a_built_in_one(site: Site) -> None:
    site.install("folder", "")
    plugins = site.plugins(built_in=built_in_plugins())
    assert report(plugins, "folder") == (
        "failed",
        "PluginError: 'folder' is the name of a built-in plugin; give the entry point another name",
    )
    assert plugins.sources().names == ["folder", "peers"]


def test_every_installed_plugin_of_ours_loads() -> None:
    plugins = Plugins(built_in=built_in_plugins())
    assert [(item.name, item.reason) for item in plugins.reports if item.state != "loaded"] == []
    assert set(NAMES) <= set(plugins.names)


def test_plugins_share_nothing_between_two_managers(site: Site) -> None:
    site.install("ant", TRANSPORT.format(name="ant"))
    first, second = site.plugins(), site.plugins(blocked=("ant",))
    assert (first.names, second.names) == (["ant"], [])
