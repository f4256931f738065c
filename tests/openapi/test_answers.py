"""Whatever is sent, no answer is a 5xx, and each is as `/openapi.json` says: requests are drawn from the document.

Half of them from one without the fields that are refused, so that something is answered; a quarter from the document as
it is; a quarter breaks it. EXO_API_CASES says how many in all: 2,000 unless told, the same ones every time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, cast

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis import checks as schemathesis_checks

DEFAULT_CASES = 2000
CASES = int(os.environ.get("EXO_API_CASES", DEFAULT_CASES))
SHARES = {"POST /v1/chat/completions": 8, "POST /v1/completions": 8, "POST /v1/embeddings": 4}
"""How many requests a route gets of those that one without a body gets."""
NAMES = {"model": ["words"], "model_id": ["words", "resolvable"], "instance_id": ["ready"]}
"""What a node knows by name: without these nearly every request would be a 404."""
DEPENDENT = ("stream_options", "top_logprobs")
"""Fields that are right only beside another."""
WAITS = "GET /state"
"""It waits for a log index that may never come, and answers 504 then: it is asked for some that came."""
HELD = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")


def with_names(document: dict[str, Any]) -> dict[str, Any]:
    """The same document with known names in requests instead of any; those that are meant to be wrong have others."""
    for operation in _operations(document):
        for parameter in operation["parameters"]:
            parameter["schema"] = _named(parameter["name"], parameter["schema"])
        if "requestBody" in operation:
            properties = _body(document, operation)["properties"]
            properties.update({field: _named(field, schema) for field, schema in properties.items()})
    return document


def _named(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    if name == "at_least":
        return {"type": "integer", "minimum": 0, "maximum": 5}
    return {"enum": [*NAMES[name], "nobody/knows"]} if name in NAMES else schema


def answerable(document: dict[str, Any]) -> dict[str, Any]:
    """The same document without what is refused whatever it is."""
    for operation in _operations(document):
        if "requestBody" in operation:
            properties = _body(document, operation)["properties"]
            for name in [name for name, schema in properties.items() if name in DEPENDENT or _is_refused(schema)]:
                del properties[name]
    message = document["components"]["schemas"]["Message"]
    message["properties"]["content"] = {"type": "string"}
    message["required"] = ["role", "content"]
    return document


def _is_refused(schema: dict[str, Any]) -> bool:
    return schema.get("description", "").startswith("refused")


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (operation for path in document["paths"].values() for operation in path.values())


def _body(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    reference: str = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return document["components"]["schemas"][reference.rpartition("/")[2]]


def described(document: dict[str, Any]) -> dict[str, Any]:
    """Name to operation of every route that says what it answers."""
    # What schemathesis gives is generic in ways that its own annotations leave open.
    schema = cast("Any", schemathesis.openapi.from_dict(document))
    found = [result.ok() for result in schema.get_all_operations()]
    return {
        operation.label: operation
        for operation in found
        if "*/*" not in operation.definition.raw["responses"].get("200", {}).get("content", {})
    }


def is_endless(operation: Any) -> bool:
    """Whether an answer of it never ends by itself."""
    content = operation.definition.raw["responses"].get("200", {}).get("content", {})
    return list(content) == ["text/event-stream"]


def can_be_wrong(operation: Any) -> bool:
    """Whether there is something to get wrong."""
    raw = operation.definition.raw
    has_fields = "requestBody" in raw or any(parameter["in"] == "query" for parameter in raw["parameters"])
    return has_fields and operation.label != WAITS


def check(url: str, operation: Any, mode: GenerationMode, count: int, session: requests.Session) -> int:
    """Send `count` requests and hold the answers to the document. How many were accepted."""
    accepted = 0
    checks: list[Any] = [check for check in cast("Any", schemathesis_checks).CHECKS.get_all() if check.__name__ in HELD]
    assert len(checks) == len(HELD)

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=CASES == DEFAULT_CASES,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    def send(case: Any) -> None:
        nonlocal accepted
        if is_endless(operation):
            _begins(case, url, session)
            return
        response = case.call(base_url=url, session=session, timeout=10)
        accepted += response.status_code < 300
        case.validate_response(response, checks=checks)

    send()
    return accepted


def _begins(case: Any, url: str, session: requests.Session) -> None:
    """An answer that never ends is looked at as far as its head."""
    sent = requests.Request(**case.as_transport_kwargs(base_url=url))
    with session.send(session.prepare_request(sent), stream=True, timeout=10) as response:
        assert response.status_code < 500
        kind = "text/event-stream" if response.status_code == 200 else "application/json"
        assert response.headers["content-type"].startswith(kind)


@pytest.fixture(scope="session")
def session() -> Iterator[requests.Session]:
    """No proxy of this machine between us and the server."""
    with requests.Session() as opened:
        opened.trust_env = False
        yield opened


@pytest.mark.timeout(CASES)  # a second for each, on a machine that is busy with other things
def test_no_answer_is_a_failure_or_against_the_document(url: str, session: requests.Session) -> None:
    text = session.get(f"{url}/openapi.json", timeout=10)
    whole, narrow = described(with_names(text.json())), described(answerable(with_names(text.json())))
    share = CASES / sum(SHARES.get(label, 1) for label in whole)
    sent, accepted = 0, dict.fromkeys(whole, 0)
    for label, operation in whole.items():
        count = max(4, round(share * SHARES.get(label, 1)))
        wrong = count // 4 if can_be_wrong(operation) else 0
        runs = [
            (narrow[label], GenerationMode.POSITIVE, count - count // 4 - wrong),
            (operation, GenerationMode.POSITIVE, count // 4),
            (operation, GenerationMode.NEGATIVE, wrong),
        ]
        for drawn, mode, part in runs:
            if part:
                accepted[label] += check(url, drawn, mode, part, session)
                sent += part
    print(f"{sent} requests; accepted: {accepted}")
    for label, weight in SHARES.items():
        assert accepted[label] > 0.05 * share * weight, f"{label}: nearly nothing was a request that is answered"
