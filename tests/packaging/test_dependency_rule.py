"""Who may import whom: plugins the core, the core no plugin, and each only what it declares."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from conftest import Package

CORE_NEEDS = {"click", "cryptography", "msgpack", "pluggy", "psutil", "pydantic", "rich"}
PROMISED_BY_THE_CORE = {"pluggy", "click"}
"""Part of its contract: plugins see a plugin manager and a click group."""

ENTRY_MODULES_MAY_IMPORT = {"exo_core", *PROMISED_BY_THE_CORE}
PARTS = {"pydantic-core": "pydantic"}
"""Distributions that another one pins to one version and speaks of as its own."""

EXTENDS = {
    "exo-api-": {"exo-http"},
    "exo-dashboard": {"exo-http"},
    "exo-metrics": {"exo-http"},
    "exo-backend-": {"exo-engine"},
    "exo-web-client": {"exo-http", "exo-transport-webrtc"},
}
"""Which plugins may need which other plugins: those that they extend."""


@pytest.fixture(scope="session")
def core(packages: list[Package]) -> Package:
    """exo-core."""
    return next(package for package in packages if package.name == "exo-core")


def test_the_core_needs_seven_libraries(core: Package) -> None:
    assert core.required_names == CORE_NEEDS


def test_every_package_imports_only_what_it_declares(packages: list[Package]) -> None:
    providers = packages_distributions()
    undeclared: list[str] = []
    for package in packages:
        allowed = package.required_names | {package.name} | PROMISED_BY_THE_CORE
        for file, line, name in imports(package.source):
            found = {canonicalize_name(item) for item in providers.get(name, [name])}
            distributions = {PARTS.get(item, item) for item in found}
            is_test_kit = "testing" in file.relative_to(package.source).parts
            if not distributions & (allowed | {"pytest"} if is_test_kit else allowed):
                undeclared.append(f"{file.relative_to(package.folder)}:{line} imports {name}")
    assert "\n".join(undeclared) == ""


def test_the_core_names_no_plugin(core: Package, packages: list[Package]) -> None:
    """Neither in an import nor in a text that is imported later."""
    others = [package.module for package in packages if package is not core]
    named = [
        f"{path.name}:{node.lineno} {name}"
        for path in core.source.rglob("*.py")
        for node in ast.walk(code_without_docstrings(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for name in others
        if name in node.value
    ]
    assert named == []


def test_plugins_need_only_the_core_and_what_they_extend(core: Package, packages: list[Package]) -> None:
    siblings = {package.name for package in packages}
    for package in packages:
        if package is not core:
            allowed = {"exo-core"}
            for prefix, extended in EXTENDS.items():
                allowed |= extended if package.name.startswith(prefix) else set()
            assert package.required_names & siblings - allowed == set(), package.name


def test_entry_modules_import_nothing_heavy_when_they_are_loaded(packages: list[Package]) -> None:
    heavy: list[str] = []
    for package in packages:
        for path in (package.source / "plugin.py", package.source / "__init__.py"):
            if not package.entry_points or not path.is_file():
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            heavy += [
                f"{path.parent.name}/{path.name}:{line} imports {name}"
                for line, name in imported_at_load(tree)
                if name not in ENTRY_MODULES_MAY_IMPORT | {package.module} | sys.stdlib_module_names
            ]
    assert heavy == []


def imports(folder: Path) -> Iterator[tuple[Path, int, str]]:
    """File, line and top-level name of every import at run time of something beyond the standard library."""
    for path in sorted(folder.rglob("*.py")):
        for line, name in imported_at_run_time(ast.parse(path.read_text(encoding="utf-8"))):
            if name not in sys.stdlib_module_names:
                yield path, line, name


def imported_at_run_time(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of imports anywhere but under `if TYPE_CHECKING`."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((node.lineno, name) for name in imported_by(node))
    for child in ast.iter_child_nodes(node):
        yield from imported_at_run_time(child)


def imported_by(node: ast.stmt) -> list[str]:
    """Top-level names that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module.partition(".")[0]]
    return []


def imported_at_load(tree: ast.Module) -> list[tuple[int, str]]:
    """Imports outside of functions and of `if TYPE_CHECKING`."""
    return [(node.lineno, name) for node in tree.body for name in imported_by(node)]


def code_without_docstrings(path: Path) -> ast.Module:
    """A module without texts that stand alone: they are for readers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        for statement in list(getattr(node, "body", [])) if not isinstance(node, ast.Lambda | ast.IfExp) else []:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                statement.value = ast.Constant(value=None, lineno=statement.lineno, col_offset=0)
    return tree
