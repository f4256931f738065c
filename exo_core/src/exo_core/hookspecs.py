"""Every hook of the core, and only that. Each docstring defines what is accepted as an answer.

Hooks are synchronous and quick and never touch the network. Four shapes: *register* hands over named factories,
*contribute* returns data that all nodes get to see, *decide* is asked of one node and its answer is recorded, *observe*
is told and may not answer. Nothing per token or per tensor passes here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:  # hooks are declared at import of every command; the models behind them are not
    import click

    from exo_core.backends import BackendFactory
    from exo_core.event_logs import EventLogFactory
    from exo_core.frozen import JsonValue
    from exo_core.identifiers import NodeId
    from exo_core.node_handle import AppliedEvent, Service
    from exo_core.observations import Observation
    from exo_core.placement import DoesNotFit, Placement, PlacementRequest, Topology
    from exo_core.registers import Register
    from exo_core.sources import SourceFactory
    from exo_core.state.state import State
    from exo_core.transports import TransportFactory

PROJECT = "exo"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


# set-up -----------------------------------------------------------------------------------------------------


@hookspec(historic=True)
def exo_add_hookspecs(plugin_manager: pluggy.PluginManager) -> None:
    """Add hookspecs of your own (`plugin_manager.add_hookspecs(module)`), so that other plugins can extend yours.

    Called before any other hook, also for plugins that are registered later. The answer is ignored.
    """


@hookspec
def exo_register_commands(group: click.Group) -> None:
    """Add subcommands: `group.add_command(command)`. Import what they need inside them. The answer is ignored."""


# components, chosen by name ---------------------------------------------------------------------------------


@hookspec
def exo_register_transports(register: Register[TransportFactory]) -> None:
    """Offer transports: `register("tcp", "package.module:factory")`. A factory takes a `TransportContext`."""


@hookspec
def exo_register_backends(register: Register[BackendFactory]) -> None:
    """Offer backends: `register("mlx", "package.module:factory")`. A factory takes nothing."""


@hookspec
def exo_register_sources(register: Register[SourceFactory]) -> None:
    """Offer sources of models. A factory takes a `SourceContext`.

    Sources are asked in the order of their names, the built-in `peers` last: it has what other members have.
    """


@hookspec
def exo_register_event_logs(register: Register[EventLogFactory]) -> None:
    """Offer ways to keep the log. A factory takes the `Path` of the folder it may use."""


@hookspec
def exo_register_discoveries(register: Register[type[Service]]) -> None:
    """Offer ways to find peers: services that call `node.suggest_peer(*tickets)` when they hear of one."""


@hookspec
def exo_register_services(register: Register[type[Service]]) -> None:
    """Offer what runs as long as the node: an HTTP server, an exporter. A factory takes nothing."""


# contributions: local data that every node gets to see ------------------------------------------------------


@hookspec
def exo_node_facts(node_id: NodeId) -> Mapping[str, JsonValue] | None:
    """Facts about this machine under your plugin's name: {"mlx": {"device": …}}. None: none."""


# decisions: asked of one node, recorded ---------------------------------------------------------------------


@hookspec(firstresult=True)
def exo_election_priority(node_id: NodeId, state: State) -> int | None:
    """How much this node wants to lead (-2**31 … 2**31), asked on each node and sent in its ballots.

    Stops at the first result that is not None. The built-in answers 0.
    """


@hookspec(firstresult=True)
def exo_place_instance(request: PlacementRequest, topology: Topology, state: State) -> Placement | DoesNotFit | None:
    """Where an instance lives. Recorded when the master asks, forgotten when a node asks for a preview.

    Stops at the first result that is not None. A pure function of its arguments. `DoesNotFit` refuses with a sentence;
    None passes to the next plugin. The built-in answers last.
    """


@hookspec
def exo_reject_placement(placement: Placement, topology: Topology, state: State) -> str | None:
    """A reason why this placement must not be used, or None. Any reason rejects it."""


# life of a node ---------------------------------------------------------------------------------------------


@hookspec
def exo_event_applied(applied: AppliedEvent, state: State) -> None:
    """An entry entered this node's state (also at start, while the log is replayed: `applied.replayed`)."""


@hookspec
def exo_state_rolled_back(to_length: int, state: State) -> None:
    """Entries after `to_length` were cut from the log here; `state` is what remains. Others follow in their place.

    Also called when a snapshot was fetched, which stands for the entries up to `to_length`: these are not told one by
    one.
    """


@hookspec
def exo_observe(observation: Observation) -> None:
    """A request, a link, a runner or the master changed: see `Observation.kind`. Never per token."""
