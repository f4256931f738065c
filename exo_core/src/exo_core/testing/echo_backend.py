"""A backend without tensors: it answers the prompt's words, at a pace that the model's folder sets.

Everything around it is real: it is loaded in a runner, split into stages that pass every token around the ring,
cancelled, stopped and restarted like any other. Models are made by `write_echo_model`.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal, final

from exo_core.backends import BackendFacts, LoadProgress
from exo_core.cards import Card, Ends
from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.placement import ShardAssignment
from exo_core.testing.echo_engine import EchoEngine
from exo_core.testing.echo_model import EchoConfig, read_echo_model


@final
class EchoBackend:
    """See `exo_core.backends.Backend`."""

    @property
    def name(self) -> str:
        """`echo`."""
        return "echo"

    @property
    def engines_resize(self) -> bool:
        """They have no caches."""
        return True

    def probe(self) -> BackendFacts:
        """It runs anywhere."""
        return BackendFacts(usable=True, device="echo")

    def describe(self, model_id: ModelId, folder: Path) -> Card:
        """A card that may be cut at every layer."""
        config = read_echo_model(folder)
        _fail_as_told(config, "describe")
        return Card(
            model_id=model_id,
            architecture="echo",
            backends=("echo",),
            layers=config.layers,
            layer_bytes=(config.layer_bytes,) * config.layers,
            ends=Ends(first_bytes=0, last_bytes=0),
            kv_bytes_per_token=(8,) * config.layers,
            state_bytes=(0,) * config.layers,
            cut_points=tuple(range(1, config.layers)),
            activation_bytes=8,
            context=config.context,
            dtype="F32",
        )

    def load(
        self,
        assignment: ShardAssignment,
        *,
        generation_base: tuple[str, int],
        folder: Path,
        progress: Callable[[LoadProgress], None],
    ) -> EchoEngine:
        """An engine, unless the folder asks for a fault."""
        del generation_base  # its messages carry no state that an older generation could spoil
        config = read_echo_model(folder)
        if config.fault == "refuse_to_load":
            message = "the echo model was told to refuse to load"
            raise ModelError(message)
        _fail_as_told(config, "load")
        shard = assignment.shard
        total = config.layer_bytes * (shard.end_layer - shard.start_layer)
        progress(LoadProgress(phase="loading", done=0, total=total))
        progress(LoadProgress(phase="loading", done=total, total=total))
        return EchoEngine(stage=shard.stage, config=config)


def _fail_as_told(config: EchoConfig, moment: Literal["load", "describe"]) -> None:
    if config.fault == f"hang_on_{moment}":
        threading.Event().wait()
    if config.fault == f"die_on_{moment}":
        sys.stderr.write("the echo model was told to die\n")
        sys.stderr.flush()
        os._exit(3)
