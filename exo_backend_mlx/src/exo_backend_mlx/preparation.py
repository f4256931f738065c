"""What is done to mlx before anything is computed with it in this process."""

from __future__ import annotations

from exo_backend_mlx.blas import BlasReport, use_fast_blas


def prepare_mlx() -> BlasReport:
    """Give mlx a fast BLAS on a Linux CPU, and keep it from compiling there.

    mlx fuses operations on a CPU with `g++` where that is installed: it takes seconds, leaves libraries in the
    temporary folder, and rounds otherwise than the machine beside it that has no compiler. Metal and CUDA compile by
    themselves.
    """
    import mlx.core as mx

    report = use_fast_blas()
    if computes_on_cpu():
        mx.disable_compile()
    return report


def computes_on_cpu() -> bool:
    """Whether mlx's default device is a CPU."""
    import mlx.core as mx

    return mx.default_device() == mx.Device(mx.cpu)
