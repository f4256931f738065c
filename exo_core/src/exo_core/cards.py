"""A model's card: what placement must know of it, without its weights."""

from __future__ import annotations

from typing import Literal

from exo_core.frozen import Count, Frozen
from exo_core.identifiers import ModelId


class Ends(Frozen):
    """Bytes of weights that only the first stage (embedding) or only the last (norm, head) holds."""

    first_bytes: Count
    last_bytes: Count
    shared_bytes: Count = 0
    """Of both of these, what a node that has the whole model holds once: an embedding that is the head too."""


class ForbiddenCut(Frozen):
    """Why the model may not be cut before `layer`. `layer` None: it may not be cut at all."""

    layer: Count | None
    reason: str


class Sizes(Frozen):
    """Bytes in memory, as `Card` has them, where a model is computed in another type than it is stored in."""

    layer_bytes: tuple[Count, ...]
    ends: Ends
    kv_bytes_per_token: tuple[Count, ...]
    state_bytes: tuple[Count, ...]
    activation_bytes: Count


ComputeType = Literal["stored", "float32"]
"""What a shard's weights are in memory: as they are stored, or widened to float32."""
WeightKind = Literal["half", "quantized"]
"""Weights that some devices are faster with in float32: of 16-bit numbers, or packed in groups."""


class Card(Frozen):
    """What a backend reads from a model's config and safetensors headers; the same on whatever machine it is read.

    All sizes are bytes as they will be in memory where the model is computed as it is stored; `in_float32` has those of
    a machine that computes it in float32, and is None where that is the same or cannot be. `cut_points` are the layer
    indices before which the model may be cut (1 … layers - 1). `layer_bytes[i]` are the weights of layer i,
    `kv_bytes_per_token[i]` what its cache grows by per token and `state_bytes[i]` what it holds whatever the length.
    `activation_bytes` cross a cut per token.
    """

    model_id: ModelId
    architecture: str
    backends: tuple[str, ...]
    layers: Count
    layer_bytes: tuple[Count, ...]
    ends: Ends
    kv_bytes_per_token: tuple[Count, ...]
    state_bytes: tuple[Count, ...]
    cut_points: tuple[Count, ...]
    forbidden_cuts: tuple[ForbiddenCut, ...] = ()
    activation_bytes: Count
    context: Count
    """The longest sequence in tokens, prompt and reply together."""
    dtype: str
    quantization: str | None = None
    in_float32: Sizes | None = None

    @property
    def weight_kind(self) -> WeightKind | None:
        """How the weights are stored; None: in float32."""
        return "quantized" if self.quantization is not None else None if self.dtype == "F32" else "half"

    def computed_in(self, compute_type: ComputeType) -> Card:
        """The card as it is for a machine that computes the model in that type."""
        if compute_type == "stored" or self.in_float32 is None:
            return self
        return self.model_copy(update=dict(self.in_float32))

    @property
    def weight_bytes(self) -> int:
        """All weights of the model on one node."""
        return sum(self.layer_bytes) + self.ends.first_bytes + self.ends.last_bytes - self.ends.shared_bytes
