"""Other people's clients against a real node, each in an environment that is made for it: `just prove-clients`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from exo_core.testing.node_process import NodeProcess

SUITES = Path(__file__).parent / "suites"
PYTHON = {
    "litellm": ("litellm==1.110.2",),
    "langchain": ("langchain-openai==1.7.4",),
    "instructor": ("instructor==1.17.0",),
    "pydantic_ai": ("pydantic-ai-slim[openai]==2.68.0",),
}
"""What each suite needs."""
NODE = "openai@7.57.0"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def prove(command: list[str], node: NodeProcess, caller: str, *, folder: Path) -> None:
    """Run a suite; what it says on failure is the test's."""
    environment = {**os.environ, "EXO_URL": node.url, "EXO_CALLER": caller, "NO_PROXY": "127.0.0.1"}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=500)
    print(ran.stdout)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr[-4000:]}"


@pytest.mark.parametrize("client", PYTHON)
def test_python(client: str, node: NodeProcess, caller: str, tmp_path: Path) -> None:
    uv = shutil.which("uv")
    assert uv, "these suites run in environments that uv makes"
    needed = [argument for requirement in PYTHON[client] for argument in ("--with", requirement)]
    command = [uv, "run", "--isolated", "--no-project", *needed, "python", str(SUITES / f"{client}_suite.py")]
    prove(command, node, caller, folder=tmp_path)


def test_node(node: NodeProcess, caller: str, tmp_path: Path) -> None:
    npm, runtime = shutil.which("npm"), shutil.which("node")
    if npm is None or runtime is None:
        pytest.skip("there is no Node.js here")
    shutil.copy(SUITES / "openai_suite.mjs", tmp_path)
    subprocess.run([npm, "install", "--no-save", "--no-audit", "--no-fund", NODE], cwd=tmp_path, check=True)
    prove([runtime, "openai_suite.mjs"], node, caller, folder=tmp_path)
