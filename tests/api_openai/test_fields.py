"""Every field that OpenAI documents is treated in some way, and the page for people says which."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from openai.types import EmbeddingCreateParams
from openai.types import completion_create_params as text_params
from openai.types.chat import completion_create_params as chat_params
from pydantic import BaseModel

from exo_api_openai.fields_page import REQUESTS, fields_page
from exo_http.treatments import treatment_of

PAGE = Path(__file__).parents[2] / "exo_api_openai" / "FIELDS.md"
DOCUMENTED: Mapping[str, type] = {
    "POST /v1/chat/completions": chat_params.CompletionCreateParamsBase,
    "POST /v1/completions": text_params.CompletionCreateParamsBase,
    "POST /v1/embeddings": EmbeddingCreateParams,
}
"""What the installed version of OpenAI's own client can send."""


def test_the_page_is_current() -> None:
    command = "uv run python -m exo_api_openai.fields_page > exo_api_openai/FIELDS.md"
    assert PAGE.read_text() == fields_page(), f"write it anew: {command}"


@pytest.mark.parametrize("route", DOCUMENTED)
def test_every_documented_field_is_known(route: str) -> None:
    unknown = set(DOCUMENTED[route].__annotations__) - set(REQUESTS[route].model_fields)
    assert not unknown, "accepted without a word: give each a treatment"


@pytest.mark.parametrize("model", REQUESTS.values())
def test_every_field_has_a_treatment(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if treatment_of(field) is None] == []
