"""A folder in which tests install plugins as real distributions: metadata, entry points and a module each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest

from exo_core.plugins.manager import Plugins

_numbers = count()


@dataclass(frozen=True)
class Site:
    """The folder, which is on `sys.path` while the test runs."""

    folder: Path

    def install(self, name: str, code: str, *, distribution: str = "", version: str = "1.0") -> None:
        """Install plugin `name`, whose entry module has this code (`hookimpl` is imported), from a distribution."""
        module = f"plugin_under_test_{next(_numbers)}"
        (self.folder / f"{module}.py").write_text(f"from exo_core import hookimpl\n\n{code}", encoding="utf-8")
        metadata = self.folder / f"{(distribution or name).replace('-', '_')}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution or name}\nVersion: {version}\n", encoding="utf-8"
        )
        (metadata / "entry_points.txt").write_text(f"[exo.plugins]\n{name} = {module}\n", encoding="utf-8")

    @property
    def points(self) -> list[EntryPoint]:
        """The entry points of what was installed here, as the file system gives them."""
        found = [point for item in distributions(path=[str(self.folder)]) for point in item.entry_points]
        return sorted(found, key=lambda point: point.name)

    def plugins(self, *, blocked: tuple[str, ...] = (), built_in: Mapping[str, ModuleType] | None = None) -> Plugins:
        """What was installed here, loaded."""
        return Plugins(points=self.points, blocked=blocked, built_in=built_in)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty one."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    yield Site(folder)
    for name in [name for name in sys.modules if name.startswith("plugin_under_test_")]:
        del sys.modules[name]
