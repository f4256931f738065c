"""How long a runner may be silent before it is taken to hang; every such number in one place."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from exo_core.frozen import Frozen

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]

TICK_S = 1.0
"""So often is looked, and the process asked for a sign of life."""


class Patience(Frozen):
    """In seconds. Importing a backend may hold the interpreter up, so a process that loads is given longer."""

    process_loading: Seconds = 60.0
    """For an answer to a ping, until the weights are there."""
    process: Seconds = 10.0
    """For an answer to a ping, from then on."""
    load: Seconds = 60.0
    """For the next `LoadProgress`."""
    warm_up: Seconds = 60.0
    """For a token to come out, once the ring is complete."""
    prefill: Seconds = 60.0
    """For the next answer, while a request has no token yet: one chunk of a long prompt may take long."""
    decode: Seconds = 30.0
    """For the next answer, while all requests have tokens; or 20 usual intervals, if that is longer."""
    leave_ring: Seconds = 60.0
    """For an engine whose ring broke to let go of it: it may be within a step."""
