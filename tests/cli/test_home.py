"""EXO_HOME holds for every command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from exo_core.cli import exo
from exo_core.testing.node_process import EXO

NEEDING_A_NODE = ["status", "invite", "models", "models --json", "models list", "models path tiny", "place tiny", "log"]


@pytest.mark.parametrize("words", NEEDING_A_NODE)
def test_the_home_of_the_environment_is_used(words: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(exo, words.split(), env={"EXO_HOME": str(tmp_path / "home")})
    assert result.exit_code == 1
    assert f"no node runs with the home {tmp_path / 'home'}" in result.stderr


@pytest.mark.parametrize("name", ["lock", "runner_starts"])
def test_a_file_of_the_home_that_cannot_be_used_is_named_in_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    arguments = ["run", "--home", str(tmp_path), "--listen", "127.0.0.1:0", "--no-api"]
    done = subprocess.run([EXO, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line] == [f"Error: {tmp_path / name}: Is a directory"]
