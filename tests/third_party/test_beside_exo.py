"""A stranger's transport, backend and source, installed beside exo, run a cluster without any of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Environment

HERE = Path(__file__).parent


def passes(environment: Environment, stranger: str, *tests: str) -> None:
    """The stranger's own tests, run with the stranger's own settings."""
    done = environment.run("python", "-m", "pytest", "-q", *tests, cwd=HERE / stranger)
    assert done.returncode == 0, done.stdout + done.stderr


def test_exo_lists_what_strangers_bring(environment: Environment) -> None:
    rows = {row["name"]: row for row in json.loads(environment.run("exo", "plugins", "--json").stdout)}
    assert rows["pigeon"]["components"] == ["transport pigeon", "backend parrot", "source loft"]
    assert (rows["pigeon"]["state"], rows["pigeon"]["version"]) == ("loaded", "1.0.0")
    assert rows["hello"]["hooks"] == ["exo_register_commands"]
    assert {"tcp", "mlx", "tiny"} & set(rows) == set()


def test_the_first_plugin_of_the_guide_adds_a_command(environment: Environment) -> None:
    assert environment.run("exo", "hello").stdout == "hello from a plugin\n"
    assert "Say hello." in environment.run("exo", "--help").stdout


def test_what_is_not_installed_says_what_to_type(environment: Environment) -> None:
    done = environment.run("exo", "run", "--home", str(environment.folder / "home"), "--transport", "tcp")
    assert done.returncode == 1
    assert "no transport named 'tcp' (installed: pigeon). Install it: uv sync --extra tcp" in done.stderr


def test_its_backend_and_source_keep_their_contracts(environment: Environment) -> None:
    passes(environment, "pigeon", "tests/test_parrot.py", "tests/test_loft.py")


def test_two_nodes_run_its_model_over_its_transport(environment: Environment) -> None:
    passes(environment, "pigeon", "tests/test_cluster.py")


def test_a_placement_policy_and_a_front_door_work_too(environment: Environment) -> None:
    passes(environment, "signpost")


@pytest.mark.slow
def test_its_transport_keeps_the_contract(environment: Environment) -> None:
    passes(environment, "pigeon", "tests/test_transport.py")
