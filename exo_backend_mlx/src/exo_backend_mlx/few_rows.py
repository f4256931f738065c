"""How does a CPU multiply a few rows with a large matrix? In pieces, so small that its BLAS does not copy the matrix.

OpenBLAS rearranges all of a large matrix before it multiplies, at every product: with the few rows of a decode step
that takes longer than the product. Products below a certain size it computes from the matrix as it lies, on processors
for which it has kernels of that kind. All pieces of a matrix are one batched product to mlx, over the same memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import final

import mlx.core as mx
from mlx import nn

from exo_backend_mlx.computing_seconds import computing_seconds
from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.mlx_device import computes_on_cpu
from exo_backend_mlx.mlx_lm_facade.models import modules_of, replace_modules

FEW = 16
"""Rows; with more, rearranging is worth its time."""
_MOST_RESULTS, _MOST_WORK = 1200, 10**6
"""Numbers that come out of a product, and multiplications in it, up to which OpenBLAS leaves the matrix as it lies."""
_NARROWEST = 12
"""Columns; mlx calls the BLAS for each piece."""
_GAIN = 0.5
"""Pieces must take less than this part of the whole product's time, or all stays as it is.

With kernels of that kind they take 0.23 to 0.33 of it, without 0.68 to 0.93, also while five others want two processors
(by the clock it was 0.09 to 0.83, and 0.32 to 3.77): whichever is measured, the same model computes the same numbers at
every start and in every stage.
"""
_ROWS, _OUTPUTS, _INPUTS, _REPEATS = 4, 4096, 1024, 8


def cut_products(model: nn.Module) -> None:
    """Let a model's plain float32 layers multiply in pieces, whoever computes."""
    replace_modules(model, {name: cut for name, part in modules_of(model).items() if (cut := _cut(part))})


@cache
def pieces_pay() -> bool:
    """Whether mlx computes on a CPU here whose BLAS is faster with pieces; measured once, in some milliseconds."""
    if not computes_on_cpu():
        return False
    rows, matrix = mx.random.normal((_ROWS, _INPUTS)), mx.random.normal((_OUTPUTS, _INPUTS))
    evaluate(rows, matrix)
    whole, pieces = list[float](), list[float]()
    for _ in range(_REPEATS):
        whole.append(_seconds(lambda: rows @ matrix.T))
        pieces.append(_seconds(lambda: multiply(rows, matrix)))
    return min(pieces) < _GAIN * min(whole)


def multiply(rows: mx.array, matrix: mx.array) -> mx.array:
    """`rows` (…, inputs) with `matrix` (outputs, inputs): (…, outputs)."""
    outputs, inputs = matrix.shape
    count = rows.size // inputs
    width = piece_width(count, outputs, inputs)
    if width == outputs:
        return rows @ matrix.T
    pieces = mx.swapaxes(mx.reshape(matrix, (-1, width, inputs)), 1, 2)
    products = mx.reshape(rows, (count, inputs)) @ pieces
    return mx.reshape(mx.swapaxes(products, 0, 1), (*rows.shape[:-1], outputs))


@cache
def piece_width(rows: int, outputs: int, inputs: int) -> int:
    """How many of a matrix's outputs a piece has; all of them where pieces are not worth it or would not be alike."""
    if not 0 < rows <= FEW:
        return outputs
    widest = min(outputs, _MOST_RESULTS // rows, _MOST_WORK // (rows * inputs))
    return next((width for width in range(widest, _NARROWEST - 1, -1) if outputs % width == 0), outputs)


@final
class _CutLinear(nn.Linear):
    """mlx's linear layer over the weights of another."""

    def __init__(self, whole: nn.Linear) -> None:
        super().__init__(1, 1, bias="bias" in whole)
        self.weight = whole.weight
        if "bias" in whole:
            self.bias = whole.bias

    def __call__(self, x: mx.array) -> mx.array:
        product = multiply(x, self.weight)
        return product + self.bias if "bias" in self else product


@final
class _CutEmbedding(nn.Embedding):
    """mlx's embedding over the weights of another, which may serve as a model's head."""

    def __init__(self, whole: nn.Embedding) -> None:
        super().__init__(1, 1)
        self.weight = whole.weight

    def as_linear(self, x: mx.array) -> mx.array:
        return multiply(x, self.weight)


def _cut(part: nn.Module) -> nn.Module | None:
    """What takes the place of a part; subclasses do more than multiply, and other types BLAS does not know."""
    if type(part) is nn.Linear and part.weight.dtype == mx.float32:
        return _CutLinear(part)
    if type(part) is nn.Embedding and part.weight.dtype == mx.float32:
        return _CutEmbedding(part)
    return None


def _seconds(product: Callable[[], mx.array]) -> float:
    return computing_seconds(lambda: evaluate(product()))
