"""What is done to mlx before anything is computed with it in this process."""

from __future__ import annotations

from exo_backend_mlx.blas import BlasReport, use_fast_blas
from exo_backend_mlx.mlx_device import device_kind, device_memory


def prepare_mlx() -> BlasReport:
    """Give mlx a fast BLAS on a Linux CPU, and keep it from compiling there.

    mlx fuses operations on a CPU with `g++` where that is installed: it takes seconds, leaves libraries in the
    temporary folder, and rounds otherwise than the machine beside it that has no compiler. Metal and CUDA compile by
    themselves.
    """
    import mlx.core as mx

    report = use_fast_blas()
    _bound_kept_buffers()
    kind = device_kind()
    if kind == "cpu":
        mx.disable_compile()
    elif kind == "metal":
        _keep_weights_resident()
    return report


def _bound_kept_buffers() -> None:
    from exo_backend_mlx.unused_memory import bound_kept_buffers  # which imports mlx, so not before its BLAS is there

    bound_kept_buffers()


def _keep_weights_resident() -> None:
    """Let macOS keep as much of the GPU's memory in place as Metal recommends; else large models are paged out."""
    import mlx.core as mx

    memory = device_memory()
    if memory.usable < memory.total:  # else Metal told of no limit, and one that is too large is an error
        mx.set_wired_limit(memory.usable)
