"""Which plugins there are, and what became of loading each.

Entry points of the group `exo.plugins` are loaded sorted by name, one by one: a plugin that fails is reported and does
not keep the others from loading; it is fatal only when something of it is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from itertools import pairwise
from types import ModuleType
from typing import Literal

import pluggy

from exo_core import hookspecs
from exo_core.errors import PluginError

GROUP = "exo.plugins"
PluginState = Literal["loaded", "blocked", "failed"]


@dataclass(frozen=True, kw_only=True)
class PluginReport:
    """One plugin as `exo plugins` shows it. `reason` says why it failed."""

    name: str
    distribution: str
    version: str
    state: PluginState
    reason: str = ""


def installed_entry_points() -> Sequence[EntryPoint]:
    """Entry points of all installed distributions, sorted by name. Raises `PluginError` when a name is given twice."""
    found = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    for first, second in pairwise(found):
        if first.name == second.name and _distribution(first) != _distribution(second):
            message = (
                f"plugin '{first.name}' is provided by both {_distribution(first)[0]} and {_distribution(second)[0]}; "
                "uninstall one of them"
            )
            raise PluginError(message)
    return list({point.name: point for point in found}.values())


def load_entry_points(
    manager: pluggy.PluginManager, points: Iterable[EntryPoint], blocked: Collection[str]
) -> Sequence[PluginReport]:
    """Import and register each plugin that is not blocked, then drop those that implement a hook nobody declares."""
    reports = [_load_one(manager, point, blocked) for point in points]
    unknown = _reject_unknown_hooks(manager)
    return [
        replace(item, state="failed", reason=unknown[item.name]) if item.name in unknown else item for item in reports
    ]


def _load_one(manager: pluggy.PluginManager, point: EntryPoint, blocked: Collection[str]) -> PluginReport:
    distribution, version = _distribution(point)

    def report(state: PluginState, reason: str = "") -> PluginReport:
        return PluginReport(name=point.name, distribution=distribution, version=version, state=state, reason=reason)

    if point.name in blocked:
        return report("blocked", "blocked by --without or EXO_DISABLED_PLUGINS")
    try:
        plugin: object = point.load()
        _register(manager, plugin, point.name)
    except Exception as problem:  # anything a stranger's module may raise must not take exo down
        return report("failed", f"{type(problem).__name__}: {problem}")
    return report("loaded")


def _register(manager: pluggy.PluginManager, plugin: object, name: str) -> None:
    if not isinstance(plugin, ModuleType):
        message = f"the entry point must name a module, not {plugin!r}"
        raise PluginError(message)
    if manager.has_plugin(name):
        message = f"'{name}' is the name of a built-in plugin; give the entry point another name"
        raise PluginError(message)
    try:
        manager.register(plugin, name=name)
        _refuse_wrappers(manager, plugin)
    except Exception:
        if manager.get_plugin(name) is plugin:  # it failed half-way: none of its hooks may be called
            manager.unregister(plugin)
        raise


def _refuse_wrappers(manager: pluggy.PluginManager, plugin: ModuleType) -> None:
    """The core calls implementations one by one, so that one that fails spoils nothing; nobody could be wrapped."""
    for caller in manager.get_hookcallers(plugin) or ():
        implementations = [item for item in caller.get_hookimpls() if item.plugin is plugin]
        if hasattr(hookspecs, caller.name) and any(item.wrapper or item.hookwrapper for item in implementations):
            message = f"{caller.name} cannot be wrapped; implement it with plain @hookimpl"
            raise PluginError(message)


def _reject_unknown_hooks(manager: pluggy.PluginManager) -> dict[str, str]:
    """Unregister plugins with hooks that nobody declared; why, by plugin.

    Asked when all are loaded, for a plugin may implement a hook that one with a later name declares.
    """
    reasons: dict[str, str] = {}
    while True:
        try:
            manager.check_pending()
        except pluggy.PluginValidationError as problem:
            name = manager.get_name(problem.plugin)
            manager.unregister(problem.plugin)
            reasons[str(name)] = f"{problem}; it may need a newer exo-core, or a plugin that is not loaded"
        else:
            return reasons


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("?", "?")
