"""mlx's `eval`, which its own stubs leave untyped."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import mlx.core as mx

evaluate = cast(
    "Callable[..., None]",
    mx.eval,  # pyright: ignore[reportUnknownMemberType] — the stubs give its arguments no type
)
"""Compute arrays (or trees of arrays) now and wait for them."""
