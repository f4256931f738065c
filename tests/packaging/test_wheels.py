"""What is built can be installed by anyone: no path of this machine is in it."""

from __future__ import annotations

import subprocess
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The root, the core and a plugin, built."""
    folder = tmp_path_factory.mktemp("dist")
    for package in (".", "exo_core", "plugins/exo_http"):
        subprocess.run(
            ["uv", "build", "--wheel", "--quiet", "--out-dir", str(folder), str(ROOT / package)],
            check=True,
            capture_output=True,
        )
    return {path.name.partition("-")[0]: path for path in folder.glob("*.whl")}


def metadata_of(wheel: Path) -> Message:
    """The METADATA file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


@pytest.mark.parametrize("name", ["exo", "exo_core", "exo_http"])
def test_requirements_are_names_and_ranges(wheels: dict[str, Path], name: str) -> None:
    requirements: list[str] = metadata_of(wheels[name]).get_all("Requires-Dist", [])
    assert requirements
    assert [line for line in requirements if "file:" in line or " @ " in line] == []


def test_the_root_carries_extras_and_no_code(wheels: dict[str, Path]) -> None:
    with zipfile.ZipFile(wheels["exo"]) as archive:
        assert [name for name in archive.namelist() if ".dist-info/" not in name] == []
    assert "all" in metadata_of(wheels["exo"]).get_all("Provides-Extra", [])


def test_the_core_carries_its_types_and_no_tests_of_ours(wheels: dict[str, Path]) -> None:
    with zipfile.ZipFile(wheels["exo_core"]) as archive:
        names = archive.namelist()
    assert "exo_core/py.typed" in names
    assert {name.partition("/")[0] for name in names} == {"exo_core", f"exo_core-{version_of(wheels)}.dist-info"}


def version_of(wheels: dict[str, Path]) -> str:
    """Of all of them."""
    return wheels["exo_core"].name.split("-")[1]
