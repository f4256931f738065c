"""FIELDS.md: how every field of every request is treated. `python -m exo_api_openai.fields_page` prints it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from exo_api_openai.chat_request import ChatRequest
from exo_api_openai.completion_request import CompletionRequest
from exo_api_openai.embedding_request import EmbeddingRequest
from exo_api_openai.tokenize_request import DetokenizeRequest, TokenizeRequest
from exo_http.treatment_table import treatment_table

REQUESTS: Mapping[str, type[BaseModel]] = {
    "POST /v1/chat/completions": ChatRequest,
    "POST /v1/completions": CompletionRequest,
    "POST /v1/embeddings": EmbeddingRequest,
    "POST /tokenize": TokenizeRequest,
    "POST /detokenize": DetokenizeRequest,
}

INTRODUCTION = """\
# The fields of each request

Written by `python -m exo_api_openai.fields_page` from the models that check the requests; do not edit it.

Null means what leaving a field out means. A field that is honoured does what OpenAI documents; an extension is named as
in vLLM; one without effect is accepted; one that is refused is a 400 that names it. Any other field is accepted, and
named in the header `X-Exo-Ignored` of the answer. A number outside of its bounds, `NaN`, and JSON nested deeper than 48
are a 400.
"""


def fields_page() -> str:
    """The page, in Markdown."""
    return INTRODUCTION + "".join(f"\n## `{name}`\n\n{treatment_table(model)}" for name, model in REQUESTS.items())


if __name__ == "__main__":
    print(fields_page(), end="")
