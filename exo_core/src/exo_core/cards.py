"""A model's card: what placement must know of it, without its weights."""

from __future__ import annotations

from exo_core.frozen import Count, Frozen
from exo_core.identifiers import ModelId


class Ends(Frozen):
    """Bytes of weights that only the first stage (embedding) or only the last (norm, head) holds."""

    first_bytes: Count
    last_bytes: Count


class ForbiddenCut(Frozen):
    """Why the model may not be cut before `layer`. `layer` None: it may not be cut at all."""

    layer: Count | None
    reason: str


class Card(Frozen):
    """What a backend reads from a model's config and safetensors headers.

    All sizes are bytes as they will be in memory. `cut_points` are the layer indices before which the model may be
    cut (1 … layers - 1). `layer_bytes[i]` are the weights of layer i, `kv_bytes_per_token[i]` what its cache grows by
    per token and `state_bytes[i]` what it holds whatever the length. `activation_bytes` cross a cut per token.
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

    @property
    def weight_bytes(self) -> int:
        """All weights of the model on one node."""
        return sum(self.layer_bytes) + self.ends.first_bytes + self.ends.last_bytes
