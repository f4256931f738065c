"""What mlx finds on this machine: the device, its memory, and on a Linux CPU how fast it multiplies."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Any, cast

from exo_backend_mlx.blas import BlasReport, measure_matmul
from exo_backend_mlx.preparation import computes_on_cpu, prepare_mlx
from exo_core.backends import BackendFacts
from exo_core.frozen import JsonValue

_INSTALL = "uv sync --extra mlx" if sys.platform == "darwin" else "uv sync --extra mlx-cpu (or mlx-cuda12, mlx-cuda13)"


def probe_mlx() -> BackendFacts:
    """Imports mlx; to be called in a short-lived process."""
    try:
        import mlx.core  # noqa: F401  # pyright: ignore[reportUnusedImport] — whether it loads is the question
    except ImportError as error:
        return BackendFacts(usable=False, reason=f"mlx does not load ({error}). Install it: {_INSTALL}")
    return _facts()


def _facts() -> BackendFacts:
    import mlx.core as mx

    blas = prepare_mlx()
    information = cast("dict[str, Any]", cast("Any", mx).device_info())
    name = str(information.get("device_name", "unknown"))
    details: dict[str, JsonValue] = {"mlx": version("mlx"), "mlx-lm": version("mlx-lm")}
    if not computes_on_cpu():
        kind = "Metal" if mx.metal.is_available() else "CUDA"
        return BackendFacts(
            usable=True, device=f"{name}, {kind}", memory_for_models=_memory(information), details=details
        )
    details["blas"] = f"{_blas_for_people(blas)}, {measure_matmul():.0f} GFLOP/s in float32"
    return BackendFacts(usable=True, device=f"CPU, {name}", details=details)


def _memory(information: dict[str, Any]) -> int | None:
    """What Metal recommends to keep in use, or what a CUDA device has free; None where neither is known."""
    for field in ("max_recommended_working_set_size", "free_memory", "memory_size", "total_memory"):
        value = information.get(field)
        if isinstance(value, int) and value > 0:
            return value
    return None


def _blas_for_people(blas: BlasReport) -> str:
    threads = f", {blas.threads} thread{'s' if blas.threads > 1 else ''}" if blas.threads else ""
    reason = f" ({blas.reason})" if blas.reason else ""
    return f"{blas.name}{threads}{reason}"
