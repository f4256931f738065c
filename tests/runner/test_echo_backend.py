"""The echo backend is a backend."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exo_core.backends import Backend
from exo_core.identifiers import RequestId
from exo_core.requests import Generate, TextPrompt
from exo_core.testing.backend_conformance import BackendConformance
from exo_core.testing.echo_backend import EchoBackend
from exo_core.testing.echo_model import EchoConfig, write_echo_model
from exo_core.testing.echo_reply import reply_chunks
from exo_core.testing.echo_words import text_of_tokens, token_ids_of


class TestEchoBackend(BackendConformance):
    @pytest.fixture
    def backend(self) -> Backend:
        return EchoBackend()

    @pytest.fixture
    def model_folder(self, tmp_path: Path) -> Path:
        return write_echo_model(tmp_path / "echo", EchoConfig(seconds_per_token=0.001))


class TestEchoBackendOfMany(TestEchoBackend):
    @pytest.fixture
    def model_folder(self, tmp_path: Path) -> Path:
        return write_echo_model(tmp_path / "echo", EchoConfig(seconds_per_token=0.001, at_once=100))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_words_come_back(text: str) -> None:
    token_ids = token_ids_of(text)
    assert text_of_tokens(token_ids) == text
    assert all(0 <= token_id < 2**63 for token_id in token_ids)


def test_a_reply_ends_before_a_stop_string() -> None:
    request = Generate(request_id=RequestId("r"), prompt=TextPrompt(text="one two three"), stop=("o th",))
    chunks = list(reply_chunks(request, token_ids_of("one two three"), context=100))
    assert [(chunk.text, chunk.finish) for chunk in chunks] == [("one", None), (" tw", None), ("", "stop")]
