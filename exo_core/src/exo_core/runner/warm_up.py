"""The request by which a head proves that a token really comes out of its instance."""

from __future__ import annotations

from exo_core.identifiers import RequestId
from exo_core.requests import Generate, Sampling, TextPrompt

WARM_UP_ID = RequestId("warm-up")


def warm_up_request() -> Generate:
    """Two tokens: a prefill and a decode step through every stage."""
    return Generate(
        request_id=WARM_UP_ID,
        prompt=TextPrompt(text="Hello"),
        sampling=Sampling(temperature=0, ignore_eos=True),
        max_tokens=2,
    )
