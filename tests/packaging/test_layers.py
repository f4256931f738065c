"""Inside the core, imports go one way: up the list of its README."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import exo_core

SOURCE = Path(exo_core.__file__).parent
README = SOURCE.parents[1] / "README.md"
ROOTS = {"__init__", "__main__", "__version__"}
"""The package's own front: `exo_core` re-exports two markers, `python -m exo_core` is the command line."""


def listed() -> list[str]:
    """Folders and single modules, in the order of the README."""
    section = README.read_text(encoding="utf-8").partition("## What is where")[2]
    items = re.findall(r"^- ((?:`[a-z_]+/?` ?)+):", section, re.MULTILINE)
    return [name for item in items for name in re.findall(r"`([a-z_]+)/?`", item)]


def present() -> set[str]:
    """Folders and single modules that there are."""
    folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    return folders | {path.stem for path in SOURCE.glob("*.py")} - ROOTS


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line, and folder or single module of the core, of every import; those for types alone count too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in full_names(node):
                package, _, rest = name.partition(".")
                if package == "exo_core" and rest:
                    yield node.lineno, rest.partition(".")[0]


def full_names(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Dotted names of what an import statement imports. No relative ones: the linter sees to that."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names]


def test_the_readme_lists_every_folder_and_module_once() -> None:
    assert sorted(listed()) == sorted(present())


@pytest.mark.parametrize("part", sorted(present()))
def test_it_imports_only_what_stands_above_it(part: str) -> None:
    above = set(listed()[: listed().index(part)]) | {part}
    folder = SOURCE / part
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    wrong = [
        f"{path.relative_to(SOURCE)}:{line} imports {name}"
        for path in files
        for line, name in imported(path)
        if name in present() - above
    ]
    assert wrong == []
