"""What mlx finds on this machine: the device, its memory, and on a Linux CPU how fast it multiplies."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from exo_backend_mlx.blas import BlasReport, measure_matmul
from exo_backend_mlx.mlx_device import device_information, device_memory
from exo_backend_mlx.preparation import prepare_mlx
from exo_core.backends import BackendFacts
from exo_core.frozen import JsonValue

if TYPE_CHECKING:
    from exo_backend_mlx.type_speeds import TypeSpeeds

_INSTALL = "uv sync --extra mlx" if sys.platform == "darwin" else "uv sync --extra mlx-cpu (or mlx-cuda12, mlx-cuda13)"
_KINDS_OF_DEVICE = {"metal": "Metal", "cuda": "CUDA"}


def probe_mlx() -> BackendFacts:
    """Imports mlx; to be called in a short-lived process."""
    try:
        import mlx.core  # noqa: F401  # pyright: ignore[reportUnusedImport] — whether it loads is the question
    except ImportError as error:
        return BackendFacts(usable=False, reason=f"mlx does not load ({error}). Install it: {_INSTALL}")
    return _facts()


def _facts() -> BackendFacts:
    from exo_backend_mlx.type_speeds import measure_types

    blas = prepare_mlx()
    name = str(device_information().get("device_name", "unknown"))
    details: dict[str, JsonValue] = {"mlx": version("mlx"), "mlx-lm": version("mlx-lm")}
    memory = device_memory()
    if memory.kind != "cpu":
        return BackendFacts(
            usable=True,
            device=f"{name}, {_KINDS_OF_DEVICE[memory.kind]}",
            memory_for_models=memory.usable if memory.free is None else memory.free,
            memory_is_own=memory.kind == "cuda",
            details=details,
        )
    details["blas"] = f"{_blas_for_people(blas)}, {measure_matmul():.0f} GFLOP/s in float32"
    speeds = measure_types()
    details["computes in"] = _types_for_people(speeds)
    return BackendFacts(
        usable=True, device=f"CPU, {name}", float32_faster_than=speeds.float32_is_faster_than, details=details
    )


_KINDS_OF_WEIGHTS = {"half": "half-precision", "quantized": "quantized"}


def _types_for_people(speeds: TypeSpeeds) -> str:
    """What is done with weights that are not stored in float32, and why."""
    measured = (
        f"a decode step runs at {speeds.float32:.1f} GFLOP/s in float32, {speeds.half:.1f} in bfloat16, "
        f"{speeds.quantized:.1f} in 4 bits"
    )
    widened = " and ".join(_KINDS_OF_WEIGHTS[kind] for kind in speeds.float32_is_faster_than)
    chosen = f"float32 for {widened} weights, where memory suffices" if widened else "the type that weights have"
    return f"{chosen}: {measured}"


def _blas_for_people(blas: BlasReport) -> str:
    threads = f", {blas.threads} thread{'s' if blas.threads > 1 else ''}" if blas.threads else ""
    reason = f" ({blas.reason})" if blas.reason else ""
    return f"{blas.name}{threads}{reason}"
