"""A hub on this machine, and the source that asks it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # where the hub lies

if TYPE_CHECKING:
    from local_hub import LocalHub

from exo_core.testing.model_members import write_model_folder

NAME = "mlx-community/none-4bit"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LocalHub]:
    """A hub that this process asks, with a cache of its own."""
    from huggingface_hub import constants
    from local_hub import running_hub

    with running_hub() as running:
        address = running.endpoint("test")
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        )
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        for name in ("HF_TOKEN", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
            monkeypatch.delenv(name, raising=False)
        yield running


@pytest.fixture
def folder(hub: LocalHub, tmp_path: Path) -> Path:
    """What the hub has as `mlx-community/none-4bit`."""
    made = write_model_folder(tmp_path / "published")
    hub.publish(NAME, made)
    return made
