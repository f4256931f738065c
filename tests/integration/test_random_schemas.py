"""Whatever the schema, every answer that ends by itself fits it: schemas are drawn, and models say what they like.

EXO_SCHEMAS says how many each model is asked for: 64 of arithmetic unless told, always the same ones.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import exo_source_tiny
from exo_backend_mlx.testing.engines_of_folder import mlx_engines
from exo_backend_mlx.testing.random_models import write_random_model
from exo_core.identifiers import RequestId
from exo_core.requests import Generate, Grammar, Refused, Result, Sampling, TextPrompt, Tokenize
from exo_core.testing.engine_threads import EngineThreads, chunks_of, text_of
from exo_engine.testing.pipeline_threads import arithmetic_pipeline

Json = Any
Schemas = st.SearchStrategy[Json]
SCHEMAS = int(os.environ.get("EXO_SCHEMAS", "64"))
TOGETHER = 8
"""Schemas that are asked for at once."""
MOST_TOKENS = 250
CLOSING = '"}]'
"""Said more often than chance would have it, or few answers came to an end within `MOST_TOKENS`."""
NAMES = ["a", "b", "ä long name", '"', "\\"]

SMALL, LARGER = st.integers(0, 4), st.integers(4, 9)
SCALARS = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=9)
PATTERNS = ["^[a-c]+$", r"\d{3}-\d{2,4}", "^(so|on|off)*$", "é", r"^\w+@\w+\.org$", r"^[^\n]{2,5}$"]
FORMATS = ["date", "date-time", "time", "uuid", "ipv4", "ipv6", "email"]


def kind(name: str, required: Mapping[str, Schemas], optional: Mapping[str, Schemas] = {}) -> Schemas:
    """Schemas of one type."""
    return st.fixed_dictionaries({"type": st.just(name), **required}, optional=dict(optional))


def leaves() -> Schemas:
    """Schemas that hold no others."""
    return st.one_of(
        kind("string", {}, {"minLength": SMALL, "maxLength": LARGER}),
        kind("string", {"pattern": st.sampled_from(PATTERNS)}),
        kind("string", {"format": st.sampled_from(FORMATS)}),
        kind("integer", {}, {"minimum": st.integers(-999, 0), "exclusiveMaximum": st.integers(1, 99999)}),
        kind("integer", {"multipleOf": st.sampled_from([2, 3, 10, 25]), "maximum": st.integers(100, 5000)}),
        kind("number", {}, {"minimum": st.sampled_from([-1.5, 0, 0.25]), "maximum": st.sampled_from([1, 2.75, 1e6])}),
        kind("boolean", {}) | kind("null", {}),
        st.fixed_dictionaries({"enum": st.lists(SCALARS, min_size=1, max_size=4)}),
        st.fixed_dictionaries({"const": SCALARS}),
    )


def nested(inner: Schemas) -> Schemas:
    """Schemas that hold others."""
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        kind("array", {"items": inner}, {"minItems": SMALL, "maxItems": LARGER}),
        kind("array", {"prefixItems": several, "items": st.just(False)}, {"minItems": st.integers(0, 1)}),
        kind(
            "object",
            {
                "properties": st.dictionaries(st.sampled_from(NAMES), inner, min_size=1),
                "additionalProperties": st.just(False) | kind("boolean", {}),
            },
            {"required": st.lists(st.sampled_from(NAMES[:3]), unique=True, max_size=2)},
        ),
        st.fixed_dictionaries({"anyOf": several}),
    )


SOME = st.lists(st.recursive(leaves(), nested, max_leaves=12), min_size=TOGETHER, max_size=TOGETHER)


@pytest.fixture(scope="module")
def arithmetic() -> Generator[EngineThreads]:
    """Two stages that say bytes at random."""
    letters = [*CLOSING.encode() * 12, *range(257)]
    with arithmetic_pipeline(2, context=MOST_TOKENS + 50, tokens=letters).threads as threads:
        yield threads


def test_answers_of_arithmetic_fit(arithmetic: EngineThreads) -> None:
    tally = prove(arithmetic, SCHEMAS, {})
    assert tally["refused"] < 0.1 * SCHEMAS
    assert tally["ended"] > 0.5 * SCHEMAS


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("model", ["tiny", "qwen3"])
def test_answers_of_models_fit(model: str, tmp_path: Path) -> None:
    folder = Path(exo_source_tiny.__file__).parent / "model"
    if model != "tiny":
        folder = write_random_model(tmp_path, architecture=model)
    with mlx_engines(folder) as threads:
        tally = prove(threads, SCHEMAS, closing_bias(threads))
    assert tally["ended"] > 0.5 * SCHEMAS


def closing_bias(threads: EngineThreads) -> Mapping[int, float]:
    """For the tokens of `CLOSING`."""
    found = threads.ask(Tokenize(request_id=RequestId("t"), prompt=TextPrompt(text=" ".join(CLOSING))))[-1]
    assert isinstance(found, Result)
    return dict.fromkeys(found.token_ids[0], 4.0)


def prove(threads: EngineThreads, schemas: int, bias: Mapping[int, float]) -> Counter[str]:
    """How many answers ended, were cut, and were refused. Those that ended fit."""
    tally = Counter[str]()

    @settings(
        max_examples=-(-schemas // TOGETHER),
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(SOME)
    def some_fit(drawn: list[Json]) -> None:
        heard = [(schema, threads.submit(ask(at, schema, bias))) for at, schema in enumerate(drawn)]
        for schema, answers in heard:
            tally[outcome(schema, list(answers))] += 1

    some_fit()
    print(dict(tally))
    return tally


def ask(number: int, schema: Json, bias: Mapping[int, float]) -> Generate:
    return Generate(
        request_id=RequestId(str(number)),
        prompt=TextPrompt(text="say it"),
        sampling=Sampling(seed=number, logit_bias=tuple(bias.items())),
        max_tokens=MOST_TOKENS,
        grammar=Grammar(kind="json_schema", text=json.dumps(schema)),
    )


def outcome(schema: Json, answers: list[Any]) -> str:
    if isinstance(answers[0], Refused):
        assert (answers[0].status, answers[0].code) == (400, "invalid_grammar"), answers[0]
        return "refused"
    if chunks_of(answers)[-1].finish == "length":
        return "cut"
    value = json.loads(text_of(answers))
    draft = jsonschema.Draft202012Validator
    validator = draft(schema, format_checker=draft.FORMAT_CHECKER)
    problems = [problem.message for problem in cast("Any", validator).iter_errors(value)]
    assert not problems, f"{text_of(answers)} does not fit {json.dumps(schema)}: {problems}"
    return "ended"
