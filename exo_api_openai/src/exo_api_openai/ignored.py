"""Fields nobody here knows are accepted, and named in a header, so that a typing error can be found."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from exo_api_openai.sampling_fields import SamplingFields

HEADER = "X-Exo-Ignored"
LONGEST_VALUE = 1000


def ignored_fields(body: SamplingFields) -> Mapping[str, str]:
    """The header that names them, or none."""
    names = list(body.__pydantic_extra__ or {})
    if body.stream_options is not None:
        names += [f"stream_options.{name}" for name in body.stream_options.__pydantic_extra__ or {}]
    shown = ", ".join(quote(name, safe="._-$") for name in sorted(names))  # a name may hold anything, a header not
    return {HEADER: shown[:LONGEST_VALUE]} if shown else {}
