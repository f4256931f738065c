"""What is done to mlx before anything is computed with it in this process."""

from __future__ import annotations

from typing import Any, cast

from exo_backend_mlx.blas import BlasReport, use_fast_blas


def prepare_mlx() -> BlasReport:
    """Give mlx a fast BLAS on a Linux CPU, and keep it from compiling there.

    mlx fuses operations on a CPU with `g++` where that is installed: it takes seconds, leaves libraries in the
    temporary folder, and rounds otherwise than the machine beside it that has no compiler. Metal and CUDA compile by
    themselves.
    """
    import mlx.core as mx

    report = use_fast_blas()
    _bound_buffer_cache()
    if computes_on_cpu():
        mx.disable_compile()
    elif mx.metal.is_available():
        _keep_weights_resident()
    return report


def _bound_buffer_cache() -> None:
    from exo_backend_mlx.unused_memory import bound_buffer_cache  # which imports mlx, so not before its BLAS is there

    bound_buffer_cache()


def computes_on_cpu() -> bool:
    """Whether mlx's default device is a CPU."""
    import mlx.core as mx

    return mx.default_device() == mx.Device(mx.cpu)


def _keep_weights_resident() -> None:
    """Let macOS keep as much of the GPU's memory in place as Metal recommends; else large models are paged out."""
    import mlx.core as mx

    recommended = cast("dict[str, object]", cast("Any", mx).device_info()).get("max_recommended_working_set_size")
    if isinstance(recommended, int):
        mx.set_wired_limit(recommended)
