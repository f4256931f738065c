"""Every room of the house is furnished alike."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import exo_core

if TYPE_CHECKING:
    from conftest import Package

ROOT = Path(__file__).parents[2]
TOP_LEVEL = (
    "pyproject.toml",
    "exo_core",
    "plugins",
    "exo_transport_webrtc",
    "exo_transport_tcp",
    "exo_backend_mlx",
    "exo_api_openai",
    "tests",
    "README.md",
)
REGISTRIES = {"pypi.org", "files.pythonhosted.org"}


def test_the_top_level_is_what_the_readme_shows() -> None:
    assert [name for name in TOP_LEVEL if not (ROOT / name).exists()] == []


def test_the_files_of_tests_that_begin_first_are_there() -> None:
    names = (ROOT / "tests" / "long_files.txt").read_text(encoding="utf-8").split()
    assert [name for name in names if not (ROOT / name).is_file()] == []
    assert len(names) == len(set(names)) > 20


def test_no_file_makes_uv_fetch_another_python() -> None:
    assert not (ROOT / ".python-version").exists()


def test_the_lock_names_no_other_registry_than_pypi() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    hosts = {urlsplit(text).hostname for text in strings(lock) if text.startswith(("http:", "https:"))}
    assert hosts == REGISTRIES


def test_every_package_is_typed_described_and_built_alike(packages: list[Package]) -> None:
    assert len(packages) >= 8
    for package in packages:
        assert package.folder.name == package.module
        assert (package.source / "py.typed").is_file(), package.name
        assert (package.folder / "README.md").read_text(encoding="utf-8").startswith(f"# {package.name}\n"), (
            package.name
        )
        assert package.pyproject["build-system"] == {
            "requires": ["hatchling>=1.27"],
            "build-backend": "hatchling.build",
        }
        assert package.project["license"] == "Apache-2.0"
        assert package.project["readme"] == "README.md"


def test_every_module_says_what_it_is_for(packages: list[Package]) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for package in packages
        for path in package.source.rglob("*.py")
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_every_entry_point_names_a_module_that_exists(packages: list[Package]) -> None:
    entries = [(package, module) for package in packages for module in package.entry_points.values()]
    assert len(entries) >= 6
    for package, module in entries:
        assert module == f"{package.module}.plugin"
        assert (package.source / "plugin.py").is_file(), package.name


def test_every_package_is_a_source_of_the_workspace(root_package: Package, packages: list[Package]) -> None:
    sources: dict[str, Any] = root_package.pyproject["tool"]["uv"]["sources"]
    assert sources == {package.name: {"workspace": True} for package in [root_package, *packages]}


def test_the_root_owns_the_only_script(root_package: Package, packages: list[Package]) -> None:
    assert root_package.project["scripts"] == {"exo": "exo_core.cli:main"}
    assert [package.name for package in packages if "scripts" in package.project] == []


def test_the_core_is_imported_from_its_package_wherever_the_command_is_typed() -> None:
    """The repository's folders are named as the packages are, and must not be taken for them."""
    for folder in (ROOT, ROOT / "plugins"):
        done = subprocess.run(
            [sys.executable, "-c", "import exo_core; print(exo_core.__file__)"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == exo_core.__file__


def strings(value: object) -> list[str]:
    """Every text in a TOML document."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  TOML is anything
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  as above
    return []
