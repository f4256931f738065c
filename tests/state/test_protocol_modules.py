"""Protocol modules know no clock, no chance, no network and no event loop: all of that is handed in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import exo_core

ROOT = Path(exo_core.__file__).parent
FORBIDDEN = {"asyncio", "datetime", "random", "secrets", "select", "socket", "ssl", "subprocess", "threading", "time"}
DRIVER = {
    "accepting_loss.py",
    "change_counter.py",
    "command_desk.py",
    "control_plane.py",
    "fact_desk.py",
    "inbox.py",
    "log_reader.py",
    "log_thread.py",
    "performing.py",
    "telemetry_board.py",
    "view.py",
}
"""The asyncio side of the control plane; everything else in these folders runs in the simulator too."""


def protocol_modules() -> list[Path]:
    folders = ("state", "election", "placement_rules", "control_plane", "log")
    files = [path for folder in folders for path in sorted((ROOT / folder).glob("*.py"))]
    return [path for path in files if not (path.parent.name == "control_plane" and path.name in DRIVER)]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("path", protocol_modules(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_imports_nothing_that_only_a_real_machine_has(path: Path) -> None:
    assert not set(imported(path)) & FORBIDDEN


@pytest.mark.parametrize("path", protocol_modules(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_does_not_import_the_driver(path: Path) -> None:
    modules = {
        node.module
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
    }
    assert not modules & {f"exo_core.control_plane.{name.removesuffix('.py')}" for name in DRIVER}


def test_there_are_protocol_modules_and_the_driver_is_where_it_is_said_to_be() -> None:
    assert len(protocol_modules()) > 30
    assert all((ROOT / "control_plane" / name).exists() for name in DRIVER)
