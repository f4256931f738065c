"""Reading an exact placement: shards that cannot be a pipeline are refused before anybody acts on them."""

from __future__ import annotations

import json

from pydantic import ValidationError

from exo_core.cards import Card
from exo_core.frozen import JsonValue
from exo_core.placement import Placement
from exo_http.errors import ApiError
from exo_http.json_body import invalid_field

MOST_VALUES = 20_000
"""Of a placement: some hundred bytes to a shard, and far more shards than there are machines."""


def parse_placement(document: dict[str, JsonValue]) -> Placement:
    """A placement whose stages follow each other without a gap. Raises `ApiError` 400."""
    text = json.dumps(document)
    if text.count(",") > MOST_VALUES:  # each could be wrong, and every error is kept until all are found
        message = f"placement: it holds more than {MOST_VALUES} values"
        raise ApiError(400, "invalid_value", message, param="placement")
    try:
        placement = Placement.model_validate_json(text)
    except ValidationError as problem:
        error = invalid_field(problem)
        raise ApiError(400, error.code, f"placement.{error.message}", param=f"placement.{error.param}") from None
    if not is_pipeline(placement):
        message = "placement: its shards must be stages 0, 1, … whose layers follow each other from 0 without a gap"
        raise ApiError(400, "invalid_value", message, param="placement.shards")
    return placement


def check_cuts(placement: Placement, card: Card) -> None:
    """Raises `ApiError` 400 unless these shards are the whole model, cut only where it may be cut."""
    layers = placement.shards[-1].end_layer
    if layers != card.layers:
        message = f"placement: its shards hold {layers} layers, and {card.model_id} has {card.layers}"
        raise ApiError(400, "invalid_value", message, param="placement.shards")
    wrong = [shard.start_layer for shard in placement.shards[1:] if shard.start_layer not in card.cut_points]
    if wrong:
        message = f"placement: {card.model_id} may not be cut before layer {wrong[0]}"
        raise ApiError(400, "invalid_value", message, param="placement.shards")


def is_pipeline(placement: Placement) -> bool:
    """Whether the shards, in order, are all stages of one model, each with at least one layer."""
    shards, next_layer = placement.shards, 0
    for stage, shard in enumerate(shards):
        if (shard.stage, shard.stages, shard.start_layer) != (stage, len(shards), next_layer):
            return False
        if shard.end_layer <= shard.start_layer:
            return False
        next_layer = shard.end_layer
    return bool(shards)
