"""The plugin that offers the transport `chaos`. No distribution installs it; see `exo_core.testing.plugin_folder`.

EXO_CHAOS_WRAPS    the transport to wrap, as `package.module:factory`
EXO_CHAOS_FAULTS   the file that says what is wrong, see `fault_file`
EXO_CHAOS_<KEY>    any other setting is the wrapped transport's
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from exo_core.errors import PluginError
from exo_core.hookspecs import hookimpl
from exo_core.registers import Register
from exo_core.testing.chaos.chaos_transport import ChaosTransport
from exo_core.testing.chaos.fault_file import board_of
from exo_core.transports import TransportContext, TransportFactory

OWN = ("wraps", "faults")


@hookimpl
def exo_register_transports(register: Register[TransportFactory]) -> None:
    """Offer `chaos`."""
    register("chaos", chaos_transport)


def chaos_transport(context: TransportContext) -> ChaosTransport:
    """Wrap what the settings name. Raises `PluginError` when they do not."""
    module_name, _, attribute = _setting(context.settings, "wraps").partition(":")
    factory = cast("TransportFactory", getattr(importlib.import_module(module_name), attribute))
    faults = Path(_setting(context.settings, "faults"))
    inner = {key: value for key, value in context.settings.items() if key not in OWN}
    return ChaosTransport(factory(replace(context, settings=inner)), context.identity, board_of(faults))


def _setting(settings: Mapping[str, str], name: str) -> str:
    value = settings.get(name, "")
    if not value:
        message = f"the transport 'chaos' needs EXO_CHAOS_{name.upper()}"
        raise PluginError(message)
    return value
