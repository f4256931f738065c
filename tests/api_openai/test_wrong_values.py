"""A body full of wrong values is told of the first: what is wrong with all of them would take seconds to collect."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import pytest
from pydantic import BaseModel, ValidationError

from exo_api_cluster.downloads import Download
from exo_api_cluster.exact_placement import parse_placement
from exo_api_cluster.placing import PlaceBody
from exo_api_openai.completion_request import CompletionRequest
from exo_api_openai.fields_page import REQUESTS
from exo_core.frozen import JsonValue
from exo_http.errors import ApiError
from exo_http.json_body import parse_json
from exo_http.json_bounds import MOST_PARTS

MODELS: Mapping[str, type[BaseModel]] = {**REQUESTS, "POST /place_instance": PlaceBody, "POST /downloads": Download}
FIELDS = [(model, name) for model in MODELS.values() for name in model.model_fields]
MANY = 20_000
FEW_ERRORS = 50
"""Those of fields that are missing, and one or two for each way in which the field could be meant."""
WRONG: Mapping[str, object] = {
    "values": [True] * MANY,
    "lists": [[True] * MANY],
    "many lists": [[True]] * MANY,
    "objects": [dict[str, object]()] * MANY,
    "parts": [{"role": "user", "content": [True] * MANY}],
    "names": {f"not a token {number}": True for number in range(MANY)},
}

WRONG_JSON = {name: json.dumps(value) for name, value in WRONG.items()}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(("model", "name"), FIELDS)
def test_no_field_collects_an_error_for_each_wrong_value(model: type[BaseModel], name: str, wrong: str) -> None:
    assert errors_of(model, f'{{"{name}": {WRONG_JSON[wrong]}}}') < FEW_ERRORS


def errors_of(model: type[BaseModel], body: str) -> int:
    """How many pydantic collects."""
    try:
        model.model_validate_json(body)
    except ValidationError as problem:
        return problem.error_count()
    return 0


def test_as_many_wrong_values_as_a_body_may_hold_are_refused_quickly() -> None:
    body = json.dumps({"model": "x", "prompt": [True] * (MOST_PARTS - 100)}).encode()
    before = time.process_time()
    with pytest.raises(ApiError) as caught:
        parse_json(body, CompletionRequest)
    assert (caught.value.status, caught.value.param) == (400, "prompt.0")
    assert time.process_time() - before < 1.0, "the event loop does nothing else meanwhile"


def test_a_body_has_so_many_fields() -> None:
    with pytest.raises(ApiError, match="more than 1000 fields"):
        parse_json(json.dumps({f"unknown{number}": 1 for number in range(MANY)}).encode(), PlaceBody)


def test_a_placement_has_so_many_values() -> None:
    shards: list[JsonValue] = [True] * 400_000
    with pytest.raises(ApiError, match="placement: it holds more than 20000 values"):
        parse_placement({"shards": shards})
