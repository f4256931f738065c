"""How a runner gets at the backend and the transports that its node chose."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import TypeVar

from exo_core.backends import Backend
from exo_core.errors import PluginError
from exo_core.plugins.manager import Plugins
from exo_core.plugins.settings import settings_of
from exo_core.registers import Register
from exo_core.runner.messages import Components
from exo_core.transports import Transport, TransportContext

FactoryT = TypeVar("FactoryT")


def chosen_components(plugins: Plugins, *, backend: str, transports: Sequence[str] = ()) -> Components:
    """In the node: the plugins behind these components, so that a runner imports no others. Raises `PluginError`."""
    owners = {_owner(plugins, plugins.backends(), backend)}
    owners |= {_owner(plugins, plugins.transports(), name) for name in transports}
    modules = {owner: _module_name(plugins, owner) for owner in sorted(owners)}
    settings = {name: settings_of(name, os.environ) for name in transports}
    return Components(plugin_modules=modules, backend=backend, transports=tuple(transports), settings=settings)


def _owner(plugins: Plugins, register: Register[FactoryT], component: str) -> str:
    if component not in register.names:
        register.get(component)  # raises, and says what there is
    return next(name for name in plugins.names if component in register.of_plugin(name))


def _module_name(plugins: Plugins, owner: str) -> str:
    module: object = plugins.manager.get_plugin(owner)
    if not isinstance(module, ModuleType):
        message = f"plugin '{owner}' is not a module, so a runner cannot import it"
        raise PluginError(message)
    return module.__name__


def load_plugins(modules: Mapping[str, str]) -> Plugins:
    """In the runner: only these. Raises `PluginError`."""
    return Plugins(built_in={name: _import(name, module) for name, module in modules.items()}, points=())


def _import(name: str, module: str) -> ModuleType:
    try:
        return import_module(module)
    except Exception as problem:  # a stranger's module may raise anything
        message = f"plugin '{name}' ({module}) failed to import in a runner: {type(problem).__name__}: {problem}"
        raise PluginError(message) from problem


def make_backend(components: Components) -> Backend:
    """The backend. Raises `PluginError`."""
    return load_plugins(components.plugin_modules).backends().get(components.backend)()


def make_transports(components: Components, context: TransportContext) -> dict[str, Transport]:
    """The transports in order of preference. Raises `PluginError`."""
    register = load_plugins(components.plugin_modules).transports()
    return {
        name: register.get(name)(replace(context, settings=components.settings.get(name, {})))
        for name in components.transports
    }
