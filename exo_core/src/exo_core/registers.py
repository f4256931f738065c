"""What registration hooks are handed: a place to put named components, which knows who put what there."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast, final

from exo_core.errors import PluginError

FactoryT = TypeVar("FactoryT")


@dataclass(frozen=True)
class Registration(Generic[FactoryT]):
    """A component's name, who gave it, and where its factory is (imported when first asked for)."""

    name: str
    plugin: str
    factory: FactoryT | str
    hint: str = ""

    def load(self) -> FactoryT:
        """The factory. Raises `PluginError` when its module cannot be imported."""
        if not isinstance(self.factory, str):
            return self.factory
        module_name, _, attribute = self.factory.partition(":")
        try:
            return cast("FactoryT", getattr(importlib.import_module(module_name), attribute))
        except Exception as problem:
            message = f"'{self.name}' of plugin '{self.plugin}' failed to import: {type(problem).__name__}: {problem}"
            raise PluginError(message) from problem


@final
class Register(Generic[FactoryT]):
    """Named components of one kind. Call it as `register("tcp", "package.module:Class")`.

    A string is imported only when the component is used, so that listing plugins costs nothing.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.plugin = ""
        self._registrations: dict[str, Registration[FactoryT]] = {}

    def __call__(self, name: str, factory: FactoryT | str) -> None:
        """Offer a component. Raises `PluginError` when another plugin offers the same name."""
        taken = self._registrations.get(name)
        if taken is not None:
            message = f"{self.kind} '{name}' is provided by both plugin '{taken.plugin}' and plugin '{self.plugin}'"
            raise PluginError(message)
        self._registrations[name] = Registration(name, self.plugin, factory)

    def of_plugin(self, plugin: str) -> Sequence[str]:
        """Names that this plugin offered."""
        return [item.name for item in self._registrations.values() if item.plugin == plugin]

    def drop_plugin(self, plugin: str) -> None:
        """Take back what a plugin offered (its registration failed half-way)."""
        self._registrations = {name: item for name, item in self._registrations.items() if item.plugin != plugin}

    @property
    def names(self) -> Sequence[str]:
        """All names, sorted."""
        return sorted(self._registrations)

    def __iter__(self) -> Iterable[Registration[FactoryT]]:
        return iter(self._registrations[name] for name in self.names)

    def get(self, name: str) -> FactoryT:
        """The factory of that name. Raises `PluginError` that says which there are and how to get more."""
        found = self._registrations.get(name)
        if found is None:
            installed = ", ".join(self.names) or "none"
            message = f"no {self.kind} named '{name}' (installed: {installed}). Install it: uv sync --extra {name}"
            raise PluginError(message)
        return found.load()
