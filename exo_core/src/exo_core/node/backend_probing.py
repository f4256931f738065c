"""Which backends work on this machine, asked once per start in processes of their own; and who describes a model."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import final

from exo_core.backends import BackendFacts
from exo_core.cards import Card
from exo_core.errors import ModelError
from exo_core.frozen import JsonValue
from exo_core.identifiers import ModelId
from exo_core.placement_rules.told_backends import DeviceMemory, device_memory
from exo_core.plugins.manager import Plugins
from exo_core.runner.one_shot import describe, probe

logger = logging.getLogger(__name__)


@final
class BackendProbing:
    """`names` are those chosen on the command line, or all that are installed."""

    def __init__(self, plugins: Plugins, names: tuple[str, ...], log: Path) -> None:
        """Raises `PluginError` for a name that no plugin offers."""
        register = plugins.backends()
        for name in names:
            register.get(name)
        self.names = names or tuple(register.names)
        self.facts: dict[str, BackendFacts] = {}
        self._plugins = plugins
        self._log = log

    async def run(self) -> None:
        """Probe them all, at once."""
        found = await asyncio.gather(*(probe(self._plugins, name, log=self._log) for name in self.names))
        self.facts = dict(zip(self.names, found, strict=True))
        for name, facts in self.facts.items():
            if not facts.usable:
                logger.warning("backend %s cannot be used here: %s", name, facts.reason)

    @property
    def usable(self) -> tuple[str, ...]:
        """Backends that work, best first; empty before `run` ended."""
        return tuple(name for name, facts in self.facts.items() if facts.usable)

    @property
    def device_memory(self) -> DeviceMemory | None:
        """The most that any usable backend's device gives to models; None: no limit of its own."""
        return device_memory(self.facts.values())

    def as_facts(self) -> dict[str, JsonValue]:
        """For the node's facts: by backend."""
        return {name: facts.model_dump(mode="json") for name, facts in self.facts.items()}

    async def describe(self, model_id: ModelId, folder: Path) -> Card:
        """The card by the first backend that can read the model. Raises `ModelError` with the first one's reason."""
        problem: ModelError | None = None
        for name in self.names:
            try:
                return await describe(self._plugins, name, model_id, folder, log=self._log)
            except ModelError as failure:
                problem = problem or failure
        if problem is not None:
            raise problem
        message = (
            "no backend is installed on this machine, so nobody can read a model. Install one: uv sync --extra mlx"
        )
        raise ModelError(message)
