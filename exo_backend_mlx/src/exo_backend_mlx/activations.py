"""Hidden states between mlx and the bytes that travel, without a copy on the way out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import mlx.core as mx
import numpy as np

from exo_engine.stage import Activation

if TYPE_CHECKING:
    from typing_extensions import Buffer

_TYPES = {
    "F32": (np.float32, mx.float32),
    "F16": (np.float16, mx.float16),
    "BF16": (np.uint16, mx.bfloat16),
}
_WORDS = {mx.float32: "F32", mx.float16: "F16", mx.bfloat16: "BF16"}


def to_activation(hidden: mx.array) -> Activation:
    """A view of computed hidden states (1, tokens, hidden size), which it keeps alive; a copy if they lie scattered."""
    plain = hidden.view(mx.uint16) if hidden.dtype == mx.bfloat16 else hidden
    view = memoryview(cast("Buffer", plain))
    if not view.c_contiguous:
        view = memoryview(view.tobytes())
    return Activation(_WORDS[hidden.dtype], tuple(hidden.shape[1:]), view.cast("B"))


def zero_activation(dtype: str, tokens: int, hidden_size: int) -> Activation:
    """Hidden states of no meaning."""
    item, _ = _TYPES[dtype]
    return Activation(dtype, (tokens, hidden_size), bytes(np.dtype(item).itemsize * tokens * hidden_size))


def activation_type(weights: Iterable[mx.array]) -> str:
    """The type, in safetensors' words, that hidden states take from a stage's weights: that of most of them."""
    sizes = Counter[mx.Dtype]()
    for weight in weights:
        if weight.dtype in _WORDS:
            sizes[weight.dtype] += weight.nbytes
    return _WORDS[sizes.most_common(1)[0][0]] if sizes else "F32"


def from_activation(activation: Activation, *, tokens: int, hidden_size: int, computed: str | None = None) -> mx.array:
    """Hidden states (1, tokens, hidden size) as they were sent, or in the type `computed` (safetensors' word).

    A stage on another kind of device may compute in another type. Raises `ValueError` if they have another shape.
    """
    types = _TYPES.get(activation.dtype)
    if types is None or activation.shape != (tokens, hidden_size):
        message = f"received hidden states {activation.dtype} {activation.shape}, expected {(tokens, hidden_size)}"
        raise ValueError(message)
    wire, meant = types
    flat = np.frombuffer(activation.data, wire)
    if flat.size != math.prod(activation.shape):
        message = f"received {flat.nbytes} bytes of hidden states {activation.dtype} {activation.shape}"
        raise ValueError(message)
    array = mx.array(flat.reshape(1, tokens, hidden_size))
    received = array.view(meant) if meant == mx.bfloat16 else array
    return received if computed in (None, activation.dtype) else received.astype(_TYPES[computed][1])
