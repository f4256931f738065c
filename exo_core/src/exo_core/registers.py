"""What registration hooks are handed: a place to put named components, which knows who put what there."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from typing import Generic, TypeVar, cast, final

from exo_core.errors import PluginError

FactoryT = TypeVar("FactoryT")


@dataclass(frozen=True)
class Registration(Generic[FactoryT]):
    """A component's name, who gave it, and where its factory is (imported when first asked for)."""

    name: str
    plugin: str
    factory: FactoryT | str

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


def _none_absent() -> Mapping[str, str]:
    return {}


@final
class Register(Generic[FactoryT]):
    """Named components of one kind. Call it as `register("tcp", "package.module:Class")`.

    A string is imported only when the component is used, so that listing plugins costs nothing. `absent` gives the
    plugins that are installed and not loaded, and why, for the error about a component that is not there.
    """

    def __init__(self, kind: str, *, absent: Callable[[], Mapping[str, str]] = _none_absent) -> None:
        self.kind = kind
        self.plugin = ""
        self._absent = absent
        self._registrations: dict[str, Registration[FactoryT]] = {}
        self._disputed: dict[str, str] = {}

    def __call__(self, name: str, factory: FactoryT | str) -> None:
        """Offer a component. Raises `PluginError` when another plugin offers the same name; then neither is used."""
        taken = self._registrations.get(name)
        if taken is not None:
            message = f"{self.kind} '{name}' is provided by both plugin '{taken.plugin}' and plugin '{self.plugin}'"
            self._disputed[name] = f"{message}; keep one of them with --without PLUGIN"
            raise PluginError(message)
        self._registrations[name] = Registration(name, self.plugin, factory)

    def of_plugin(self, plugin: str) -> Sequence[str]:
        """Names that this plugin offered."""
        return [item.name for item in self if item.plugin == plugin]

    def drop_plugin(self, plugin: str) -> None:
        """Take back what a plugin offered (its registration failed half-way)."""
        self._registrations = {name: item for name, item in self._registrations.items() if item.plugin != plugin}

    @property
    def names(self) -> Sequence[str]:
        """All names that can be used, sorted."""
        return sorted(self._registrations.keys() - self._disputed.keys())

    def __iter__(self) -> Iterator[Registration[FactoryT]]:
        return iter([self._registrations[name] for name in self.names])

    def get(self, name: str) -> FactoryT:
        """The factory of that name. Raises `PluginError` that says which there are and how to get more."""
        if name in self._disputed:
            raise PluginError(self._disputed[name])
        found = self._registrations.get(name)
        if found is None:
            installed = ", ".join(self.names) or "none"
            message = f"no {self.kind} named '{name}' (installed: {installed}). {self._remedy(name)}"
            raise PluginError(message)
        return found.load()

    def _remedy(self, name: str) -> str:
        """What to do about a missing component. Plugins mostly name their one component as themselves."""
        absent = self._absent()
        if name in absent:
            return f"Plugin '{name}' is installed but {absent[name]}"
        install = (
            f"Install it: uv sync --extra {name}" if name in _extras() else f"Install the package of this {self.kind}"
        )
        others = "; ".join(f"plugin '{plugin}' {why}" for plugin, why in absent.items())
        return f"{install}, or see what is wrong with others: {others}" if others else install


def _extras() -> Sequence[str]:
    """What `exo[…]` can bring."""
    try:
        return cast("list[str]", metadata("exo").get_all("Provides-Extra", []))
    except PackageNotFoundError:  # the core was installed without the wheel that owns the extras
        return ()
