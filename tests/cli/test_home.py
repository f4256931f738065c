"""EXO_HOME holds for every command."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from exo_core.cli import exo

NEEDING_A_NODE = ["status", "invite", "models", "models --json", "models list", "models path tiny", "place tiny", "log"]


@pytest.mark.parametrize("words", NEEDING_A_NODE)
def test_the_home_of_the_environment_is_used(words: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(exo, words.split(), env={"EXO_HOME": str(tmp_path / "home")})
    assert result.exit_code == 1
    assert f"no node runs with the home {tmp_path / 'home'}" in result.stderr
