"""Models that exist only as a manifest and a card: enough for placement."""

from __future__ import annotations

from exo_core.cards import Card, Ends, ForbiddenCut
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest, ManifestFile


def model_with_layers(
    model_id: ModelId,
    layers: int,
    *,
    layer_bytes: int = 1_000_000,
    end_bytes: int = 500_000,
    kv_bytes_per_token: int = 10,
    context: int = 4096,
    cut_points: tuple[int, ...] | None = None,
    forbidden_because: str = "",
    backends: tuple[str, ...] = ("echo",),
) -> tuple[Manifest, Card]:
    """A model of equal layers; by default it may be cut anywhere."""
    cuts = tuple(range(1, layers)) if cut_points is None else cut_points
    forbidden = tuple(layer for layer in range(1, layers) if layer not in cuts)
    card = Card(
        model_id=model_id,
        architecture="test",
        backends=backends,
        layers=layers,
        layer_bytes=(layer_bytes,) * layers,
        ends=Ends(first_bytes=end_bytes, last_bytes=end_bytes),
        kv_bytes_per_token=(kv_bytes_per_token,) * layers,
        state_bytes=(0,) * layers,
        cut_points=cuts,
        forbidden_cuts=tuple(ForbiddenCut(layer=layer, reason=forbidden_because) for layer in forbidden),
        activation_bytes=1024,
        context=context,
        dtype="float32",
    )
    files = (ManifestFile(path="model.safetensors", size=card.weight_bytes),)
    return Manifest(model_id=model_id, source="test", revision="1", files=files), card
