"""A clean environment, in which strangers' plugins are installed beside exo as a person would install them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

collect_ignore = [
    "hello",
    "pigeon",
    "signpost",
]  # they are not installed here; their tests run in the clean environment

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STRANGERS = ("hello", "pigeon", "signpost")
OURS = (
    ROOT / "exo_core",
    ROOT / "plugins/exo_engine",
    ROOT / "plugins/exo_http",
    ROOT / "plugins/exo_api_cluster",
    ROOT,
)
TEST_TOOLS = ("pytest", "pytest-asyncio", "pytest-timeout")


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the core, the engine, HTTP, and the strangers' wheels; no backend of ours."""

    folder: Path

    def run(self, program: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run one of its programs."""
        command = [str(self.folder / "bin" / program), *arguments]
        return subprocess.run(command, cwd=cwd or self.folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Made once: wheels built from the strangers' folders, everything installed with uv."""
    folder = tmp_path_factory.mktemp("beside") / "environment"
    wheels = tmp_path_factory.mktemp("wheels")
    for stranger in STRANGERS:
        run_uv("build", "--wheel", "--out-dir", str(wheels), str(HERE / stranger))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = [*map(str, OURS), *map(str, sorted(wheels.glob("*.whl"))), *TEST_TOOLS]
    run_uv("pip", "install", "--python", str(folder / "bin" / "python"), *packages)
    return Environment(folder)


def run_uv(*words: str) -> None:
    """Fails with what uv said."""
    done = subprocess.run(["uv", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
