"""The typed face of the plugins: one method per hook, so that call sites are checked.

Constructed per command or per node and never global, so that two nodes in one process know different plugins.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, cast, final

import pluggy

from exo_core import hookspecs
from exo_core.plugins.loader import PluginReport, installed_entry_points, load_entry_points
from exo_core.registers import Register

if TYPE_CHECKING:  # `exo --help` builds a manager and must not pay for pydantic
    import click

    from exo_core.backends import BackendFactory
    from exo_core.event_logs import EventLogFactory
    from exo_core.frozen import JsonValue
    from exo_core.identifiers import NodeId
    from exo_core.node_handle import AppliedEvent, Service
    from exo_core.observations import Observation
    from exo_core.placement import DoesNotFit, Placement, PlacementRequest, Topology
    from exo_core.sources import SourceFactory
    from exo_core.state.state import State
    from exo_core.transports import TransportFactory

logger = logging.getLogger(__name__)


@final
class Plugins:
    """All plugins of a process and what they registered.

    `built_in` modules are registered like any other plugin but asked last; `points` defaults to what is installed.
    """

    def __init__(
        self,
        *,
        built_in: Mapping[str, object] | None = None,
        points: Sequence[EntryPoint] | None = None,
        blocked: Collection[str] = (),
        only: Collection[str] | None = None,
    ) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._manager.hook.exo_add_hookspecs.call_historic(kwargs={"plugin_manager": self._manager})
        for name, module in sorted((built_in or {}).items()):
            if name not in blocked:
                self._manager.register(module, name=name)
        found = installed_entry_points() if points is None else points
        chosen = [point for point in found if only is None or point.name in only]
        self._reports = {report.name: report for report in load_entry_points(self._manager, chosen, blocked)}
        self._registers: dict[str, Register[object]] = {}

    @property
    def reports(self) -> Sequence[PluginReport]:
        """What became of each installed plugin, sorted by name."""
        return sorted(self._reports.values(), key=lambda report: report.name)

    @property
    def names(self) -> Sequence[str]:
        """The plugins that are loaded, sorted."""
        return sorted(name for name, _ in self._manager.list_name_plugin())

    @property
    def manager(self) -> pluggy.PluginManager:
        """For plugins that own hookspecs and call them (`exo_http` calls `exo_http_routes`)."""
        return self._manager

    def hooks_of(self, name: str) -> Sequence[str]:
        """The hooks a plugin implements, sorted."""
        callers = self._manager.get_hookcallers(self._manager.get_plugin(name)) or []
        return sorted(caller.name for caller in callers)

    # components ------------------------------------------------------------------------------------------

    def transports(self) -> Register[TransportFactory]:
        """Transports by name."""
        return cast("Register[TransportFactory]", self._register("transport", "exo_register_transports"))

    def backends(self) -> Register[BackendFactory]:
        """Backends by name."""
        return cast("Register[BackendFactory]", self._register("backend", "exo_register_backends"))

    def sources(self) -> Register[SourceFactory]:
        """Sources of models by name."""
        return cast("Register[SourceFactory]", self._register("source", "exo_register_sources"))

    def event_logs(self) -> Register[EventLogFactory]:
        """Ways to keep the log by name."""
        return cast("Register[EventLogFactory]", self._register("event log", "exo_register_event_logs"))

    def discoveries(self) -> Register[Callable[[], Service]]:
        """Ways to find peers by name."""
        return cast("Register[Callable[[], Service]]", self._register("discovery", "exo_register_discoveries"))

    def services(self) -> Register[Callable[[], Service]]:
        """What runs with a node, by name."""
        return cast("Register[Callable[[], Service]]", self._register("service", "exo_register_services"))

    def _register(self, kind: str, hook_name: str) -> Register[object]:
        register = self._registers.get(kind)
        if register is None:
            register = self._registers[kind] = Register[object](kind, absent=self._absent)
            for name, implementation in self._implementations(hook_name):
                register.plugin = name
                try:
                    implementation(register=register)
                except Exception as problem:  # the plugin is reported as failed; the others stay usable
                    register.drop_plugin(name)
                    self._mark_failed(name, problem)
        return register

    # commands and contributions --------------------------------------------------------------------------

    def register_commands(self, group: click.Group) -> None:
        """Let plugins add their subcommands."""
        for name, implementation in self._implementations("exo_register_commands"):
            try:
                implementation(group=group)
            except Exception as problem:  # as above
                self._mark_failed(name, problem)

    def node_facts(self, node_id: NodeId) -> dict[str, JsonValue]:
        """Everything plugins know of this machine, by plugin."""
        merged: dict[str, JsonValue] = {}
        for name, implementation in reversed(self._implementations("exo_node_facts")):
            try:
                facts = cast("Mapping[str, JsonValue] | None", implementation(node_id=node_id))
                merged.update(facts or {})
            except Exception:  # what one plugin cannot find out, the others still can
                logger.exception("plugin '%s' failed in exo_node_facts", name)
        return merged

    # decisions -------------------------------------------------------------------------------------------

    def election_priority(self, node_id: NodeId, state: State) -> int:
        """How much this node wants to lead."""
        return cast("int | None", self._first("exo_election_priority", node_id=node_id, state=state)) or 0

    def place_instance(self, request: PlacementRequest, topology: Topology, state: State) -> Placement | DoesNotFit:
        """Where an instance lives, by the first plugin that decides."""
        answer = self._first("exo_place_instance", request=request, topology=topology, state=state)
        return _nobody_decides() if answer is None else cast("Placement | DoesNotFit", answer)

    def reject_placement(self, placement: Placement, topology: Topology, state: State) -> Sequence[str]:
        """Every plugin's reason against a placement; empty: none. A plugin that fails to judge has not agreed."""
        reasons: list[str] = []
        for name, implementation in self._implementations("exo_reject_placement"):
            try:
                reason = implementation(placement=placement, topology=topology, state=state)
            except Exception as problem:  # the master goes on; a person sees why nothing is placed
                logger.exception("plugin '%s' failed in exo_reject_placement", name)
                reason = f"plugin '{name}' failed to judge the placement: {type(problem).__name__}: {problem}"
            reasons += [] if reason is None else [str(reason)]
        return reasons

    def _first(self, hook_name: str, **arguments: object) -> object | None:
        """The first answer that is not None. A plugin that fails has none: the next one is asked."""
        for name, implementation in self._implementations(hook_name):
            try:
                answer = implementation(**arguments)
            except Exception:  # a broken policy must not stop a node
                logger.exception("plugin '%s' failed in %s", name, hook_name)
                continue
            if answer is not None:
                return answer
        return None

    # observers: isolated, one by one ---------------------------------------------------------------------

    def event_applied(self, applied: AppliedEvent, state: State) -> None:
        """Tell that an entry entered the state."""
        self._observe("exo_event_applied", applied=applied, state=state)

    def state_rolled_back(self, to_length: int, state: State) -> None:
        """Tell that entries were cut."""
        self._observe("exo_state_rolled_back", to_length=to_length, state=state)

    def observe(self, observation: Observation) -> None:
        """Tell that something happened."""
        self._observe("exo_observe", observation=observation)

    def _observe(self, hook_name: str, **arguments: object) -> None:
        for name, implementation in self._implementations(hook_name):
            try:
                implementation(**arguments)
            except Exception:  # a broken observer must not stop a node
                logger.exception("plugin '%s' failed in %s", name, hook_name)

    def _implementations(self, hook_name: str) -> list[tuple[str, Callable[..., object]]]:
        """Implementations in pluggy's order of calling, each as a call that takes the spec's arguments by keyword."""
        caller = cast("pluggy.HookCaller", getattr(self._manager.hook, hook_name))
        return [(item.plugin_name, _by_keyword(item)) for item in reversed(caller.get_hookimpls())]

    def _absent(self) -> Mapping[str, str]:
        """Installed plugins that are not loaded, and why."""
        why = {"blocked": "is", "failed": "failed:", "loaded": ""}
        return {item.name: f"{why[item.state]} {item.reason}" for item in self.reports if item.state != "loaded"}

    def _mark_failed(self, name: str, problem: Exception) -> None:
        known = self._reports.get(name)
        reason = f"{type(problem).__name__}: {problem}"
        logger.warning("plugin '%s' failed: %s", name, reason)
        if known is not None:
            self._reports[name] = replace(known, state="failed", reason=reason)


def _nobody_decides() -> DoesNotFit:
    from exo_core.placement import DoesNotFit

    return DoesNotFit(reason="no plugin of the master places instances: it was started --without default_placement")


def _by_keyword(implementation: pluggy.HookImpl) -> Callable[..., object]:
    """Pluggy lets an implementation take fewer arguments than its spec; so do direct calls."""

    def call(**arguments: object) -> object:
        taken = {name: arguments[name] for name in implementation.argnames}
        return cast("object", implementation.function(**taken))

    return call
