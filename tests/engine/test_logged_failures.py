"""What the log says of a request that fails holds nothing of its prompt."""

from __future__ import annotations

import threading

import pytest

from exo_core.identifiers import RequestId
from exo_core.requests import Accepted, Answer, Chunk, Failed, Generate, Refused, TextPrompt
from exo_engine.testing.pipeline_threads import arithmetic_pipeline

SECRET = "my password is hunter2"


@pytest.mark.parametrize("moment", [Accepted, Chunk])
def test_it_says_where_and_not_what(moment: type[Answer], caplog: pytest.LogCaptureFixture) -> None:
    """As a chat template may that quotes what it does not like."""
    over = threading.Event()

    def listen(answer: Answer) -> None:
        if isinstance(answer, moment):
            message = f"cannot read {SECRET!r}"
            raise ValueError(message)
        if isinstance(answer, Refused | Failed):
            over.set()

    request = Generate(request_id=RequestId("r"), prompt=TextPrompt(text=SECRET), max_tokens=3)
    with arithmetic_pipeline(1).threads as threads:
        threads.engines[0].submit(request, listen)
        assert over.wait(20)
    assert "ValueError at " in caplog.text
    assert " listen" in caplog.text, "the last of the frames"
    assert SECRET not in caplog.text
