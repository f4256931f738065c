"""What a gateway asks of a head, wherever that lives."""

from __future__ import annotations

from exo_core.frozen import Frozen
from exo_core.identifiers import Epoch, RunnerId
from exo_core.requests import EngineRequest, Failed


class EngineCall(Frozen):
    """A request for a runner, under the epoch in which its sender lives."""

    runner_id: RunnerId
    epoch: Epoch
    request: EngineRequest


def instance_lost(message: str) -> Failed:
    """The answer when whatever served a request is gone."""
    return Failed(code="instance_lost", message=message)
