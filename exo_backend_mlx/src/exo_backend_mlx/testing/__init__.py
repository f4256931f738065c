"""For tests of this package and of others: real model folders with random weights, and stages run by hand."""

from __future__ import annotations

from exo_backend_mlx.testing.random_models import write_random_model
from exo_backend_mlx.testing.step_by_hand import run_stages

__all__ = ["run_stages", "write_random_model"]
