"""The packages of this repository, as their pyproject.toml files describe them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Package:
    """One distribution: its folder and its pyproject.toml."""

    folder: Path
    pyproject: dict[str, Any]

    @property
    def project(self) -> dict[str, Any]:
        """The table `project`."""
        return self.pyproject["project"]

    @property
    def name(self) -> str:
        """Of the distribution."""
        return self.project["name"]

    @property
    def module(self) -> str:
        """Of the import package."""
        return self.name.replace("-", "_")

    @property
    def source(self) -> Path:
        """The folder of the import package."""
        return self.folder / "src" / self.module

    @property
    def entry_points(self) -> dict[str, str]:
        """Plugin name to module."""
        return cast("dict[str, dict[str, str]]", self.project.get("entry-points", {})).get("exo.plugins", {})

    @property
    def requirements(self) -> list[Requirement]:
        """What it needs, without extras."""
        return [Requirement(line) for line in self.project.get("dependencies", [])]

    @property
    def all_requirements(self) -> list[Requirement]:
        """What it needs, with every extra and dependency group."""
        extras = cast("dict[str, list[str]]", self.project.get("optional-dependencies", {}))
        groups = cast("dict[str, list[str]]", self.pyproject.get("dependency-groups", {}))
        lines = [line for table in (extras, groups) for lines in table.values() for line in lines]
        return self.requirements + [Requirement(line) for line in lines]

    @property
    def required_names(self) -> set[str]:
        """Distributions it needs."""
        return {canonicalize_name(requirement.name) for requirement in self.requirements}


def read_package(folder: Path) -> Package:
    """The package in that folder."""
    return Package(folder, tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def root_package() -> Package:
    """`exo`, the wheel without code."""
    return read_package(ROOT)


@pytest.fixture(scope="session")
def packages(root_package: Package) -> list[Package]:
    """Every member of the workspace."""
    patterns = cast("list[str]", root_package.pyproject["tool"]["uv"]["workspace"]["members"])
    folders = {path.parent for pattern in patterns for path in ROOT.glob(f"{pattern}/pyproject.toml")}
    return [read_package(folder) for folder in sorted(folders)]
