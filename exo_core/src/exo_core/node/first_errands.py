"""What a node does once after it started, and what may take its time: say what its machine is, place what was asked."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import final

from exo_core.errors import RequestRefused
from exo_core.identifiers import NodeId
from exo_core.model_names import model_named
from exo_core.node.backend_probing import BackendProbing
from exo_core.node.model_service import ModelService
from exo_core.node.options import NodeOptions
from exo_core.plugins.manager import Plugins
from exo_core.state.events import Fact, NodeFactsGathered

logger = logging.getLogger(__name__)


@final
@dataclass(frozen=True, kw_only=True)
class FirstErrands:
    """`offer` returns when a fact is safe; `memory_total` measures this machine, in bytes."""

    node_id: NodeId
    options: NodeOptions
    plugins: Plugins
    backends: BackendProbing
    models: ModelService
    offer: Callable[[Fact], Awaitable[int]]
    memory_total: Callable[[], int]

    async def run(self) -> None:
        """All of them, one after the other."""
        if self.options.worker:
            await self.backends.run()
        await self.offer(self._facts())
        await self.models.refresh()
        for model in self.options.models:
            await self._place(model)

    def _facts(self) -> NodeFactsGathered:
        return NodeFactsGathered(
            node_id=self.node_id,
            memory_total=self.memory_total(),
            backends=self.backends.usable,
            transports=self.options.transports,
            facts={**self.plugins.node_facts(self.node_id), "backends": self.backends.as_facts()},
        )

    async def _place(self, model: str) -> None:
        try:
            await self.models.ensure_instance(model_named(model), may_fetch=True)
        except RequestRefused as refusal:
            logger.error("--model %s: %s", model, refusal.message)
