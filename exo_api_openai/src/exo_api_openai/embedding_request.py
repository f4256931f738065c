"""The body of `POST /v1/embeddings`: every documented field, and how it is treated."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from exo_api_openai.prompts import Prompts
from exo_api_openai.sampling_fields import EXACT, ModelName
from exo_http.treatments import Extension, Honoured, WithoutEffect


class EmbeddingRequest(BaseModel):
    """Null means what leaving a field out means."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    model: Annotated[ModelName, Honoured("any model that generates text")]
    input: Annotated[Prompts, Honoured("a text, token ids, or a list of either")]
    encoding_format: Annotated[
        Literal["float", "base64"] | None, Honoured("`base64`: 32-bit floats, least significant byte first")
    ] = None
    dimensions: Annotated[
        Annotated[int, Field(ge=1, lt=2**31)] | None,
        Honoured("only the model's own number: a part of its vector would mean nothing"),
    ] = None
    exact: Annotated[bool | None, Extension(EXACT)] = None
    user: Annotated[str | None, WithoutEffect("nobody is billed")] = None
