"""Which plugins there are, and what became of loading each.

Entry points of the group `exo.plugins` are loaded sorted by name, one by one: a plugin that fails is reported and does
not keep the others from loading; it is fatal only when something of it is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from itertools import pairwise
from types import ModuleType
from typing import Literal

import pluggy

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
    """Import and register each plugin that is not blocked."""
    return [_load_one(manager, point, blocked) for point in points]


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
    manager.register(plugin, name=name)
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as problem:
        manager.unregister(plugin)
        message = f"{problem}; it may need a newer exo-core"
        raise PluginError(message) from problem


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("?", "?")
