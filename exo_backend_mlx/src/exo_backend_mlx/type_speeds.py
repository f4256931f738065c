"""Which types of numbers is this device faster with? Measured on one product of a layer's kind, in a moment.

mlx's CPU code multiplies float32 by a BLAS, and everything else number by number; Metal and CUDA have kernels for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mlx.core as mx

from exo_backend_mlx.computing_seconds import computing_seconds
from exo_backend_mlx.evaluation import evaluate
from exo_core.cards import WeightKind

_WIDTH, _ROWS, _REPEATS = 1024, 4, 2


@dataclass(frozen=True)
class TypeSpeeds:
    """GFLOP/s of a few rows (some streams that decode) times a square matrix, by how the matrix is stored."""

    float32: float
    half: float
    quantized: float

    @property
    def float32_is_faster_than(self) -> tuple[WeightKind, ...]:
        """What had better be widened."""
        kinds: tuple[tuple[WeightKind, float], ...] = (("half", self.half), ("quantized", self.quantized))
        return tuple(kind for kind, speed in kinds if speed < self.float32)


def measure_types() -> TypeSpeeds:
    """In bfloat16 and in 4 bits with bfloat16 scales, as most models are stored, against float32."""
    rows, matrix = mx.random.normal((_ROWS, _WIDTH)), mx.random.normal((_WIDTH, _WIDTH))
    half_rows, half = rows.astype(mx.bfloat16), matrix.astype(mx.bfloat16)
    packed, scales, biases = mx.quantize(half)
    evaluate(rows, matrix, half_rows, half, packed, scales, biases)
    return TypeSpeeds(
        float32=_speed(lambda: rows @ matrix.T),
        half=_speed(lambda: half_rows @ half.T),
        quantized=_speed(lambda: mx.quantized_matmul(half_rows, packed, scales, biases)),
    )


def _speed(product: Callable[[], mx.array]) -> float:
    best = min(computing_seconds(lambda: evaluate(product())) for _ in range(_REPEATS))
    return 2 * _ROWS * _WIDTH**2 / best / 1e9
