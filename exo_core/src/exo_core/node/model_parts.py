"""Which parts of a node deal with models and their files? Each is made when it is first asked for."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import final

from exo_core.clock import Clock
from exo_core.control_plane.control_plane import ControlPlane
from exo_core.control_plane.telemetry_board import TelemetryBoard
from exo_core.identifiers import NodeId
from exo_core.model_sharing.asked_members import AskedMembers
from exo_core.node.arrivals import Arrivals
from exo_core.node.backend_probing import BackendProbing
from exo_core.node.changes import Changes
from exo_core.node.downloads import Downloads
from exo_core.node.holdings import Holdings
from exo_core.node.model_library import ModelLibrary
from exo_core.node.model_service import ModelService
from exo_core.node.shard_files import ShardFiles
from exo_core.plugins.manager import Plugins
from exo_core.router.router import Router
from exo_core.runner.one_shot import choose_parts
from exo_core.sources import SourceContext


@final
class ModelParts:
    """`folder` is where models lie on this disk, `log` where the backends' last words go."""

    def __init__(
        self,
        *,
        node_id: NodeId,
        folder: Path,
        log: Path,
        offline: bool,
        plugins: Plugins,
        backends: BackendProbing,
        router: Router,
        control_plane: ControlPlane,
        board: TelemetryBoard,
        changes: Changes,
        clock: Clock,
    ) -> None:
        self._node_id = node_id
        self._folder = folder
        self._log = log
        self._offline = offline
        self._plugins = plugins
        self._backends = backends
        self._router = router
        self._control_plane = control_plane
        self._board = board
        self._changes = changes
        self._clock = clock

    @cached_property
    def library(self) -> ModelLibrary:
        """The sources."""
        members = AskedMembers(
            self._router, catalogued=lambda model_id: self.holdings.catalogued(model_id), name_of=self._name_of
        )
        return ModelLibrary(
            plugins=self._plugins,
            context=SourceContext(models=self._folder, offline=self._offline, members=members),
            describe=self._backends.describe,
        )

    def _name_of(self, node_id: NodeId) -> str:
        member = self._control_plane.state.members.get(node_id)
        return member.name if member is not None else node_id

    @cached_property
    def holdings(self) -> Holdings:
        """Models that lie on this disk, for the log and for the other members."""
        return Holdings(
            node_id=self._node_id,
            library=self.library,
            state=lambda: self._control_plane.state,
            changes=self._changes.subscribe,
            on_their_way=lambda: self._control_plane.on_their_way,
            offer_soon=self._control_plane.offer_soon,
        )

    @cached_property
    def shard_files(self) -> ShardFiles:
        """What this node's shards read."""
        return ShardFiles(
            self.library,
            partial(choose_parts, self._plugins, log=self._log),
            clock=self._clock,
            arrivals=self.arrivals,
            on_fetched=self.holdings.look_again,
        )

    @cached_property
    def arrivals(self) -> Arrivals:
        """What is on its way to this disk."""
        return Arrivals(self._clock, self._board.poke)

    @cached_property
    def downloads(self) -> Downloads:
        """Whole models that a person wants here."""
        return Downloads(self._router, library=self.library, files=self.shard_files, arrivals=self.arrivals)

    @cached_property
    def service(self) -> ModelService:
        """Adding and wishing models."""
        return ModelService(
            library=self.library, submit=self._control_plane.submit, state=lambda: self._control_plane.state
        )
