"""`exo bench` against real nodes, in processes of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from exo_bench.report import Report
from exo_core.testing.node_process import EXO, NodeProcess, eventually

KEY = "a key that is long enough"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Generator[NodeProcess]:
    """A node that wants a key; no model is placed."""
    started = NodeProcess(tmp_path_factory.mktemp("bench") / "home", "one", environment={"EXO_API_KEY": KEY})
    try:
        yield started.start()
    finally:
        started.stop()


def interruptible(node: NodeProcess, home: Path, file: Path) -> subprocess.Popen[str]:
    """An `exo bench` that takes long, and finds no node but by its address."""
    command = [EXO, "bench", "tiny", "--url", node.url, "--prompts", "16", "--concurrency", "1,2", "--tokens", "900"]
    environment = {"EXO_API_KEY": KEY, "EXO_HOME": str(home)}
    return subprocess.Popen(
        [*command, "--repeat", "500", "--json", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def wait_until_it_measures(file: Path) -> None:
    """The file is made at the start; a moment later requests are under way."""
    eventually(file.exists, "exo bench has started")
    time.sleep(1)


def test_it_places_the_embedded_model_and_measures_it(node: NodeProcess, tmp_path: Path) -> None:
    file = tmp_path / "speed.json"
    shown = node.exo(
        "bench",
        "--prompts",
        "32,64,2048",
        "--concurrency",
        "1,4",
        "--tokens",
        "8",
        "--repeat",
        "2",
        "--json",
        str(file),
    ).stdout
    report = Report.model_validate_json(file.read_text())
    assert report.complete
    assert report.problem is None
    assert (report.model, report.instances, report.stages, report.context) == ("tiny", 1, (1,), 1024)
    assert [figure.prompt_tokens for figure in report.prefill] == [32, 64]
    assert all(abs(tokens - figure.prompt_tokens) < 12 for figure in report.prefill for tokens in figure.prompts)
    assert [figure.concurrency for figure in report.load] == [1, 4]
    assert [figure.completion_tokens for figure in report.load] == [8, 32]
    assert all(figure.gap_ms.p50 <= figure.gap_ms.p99 <= figure.gap_ms.maximum for figure in report.load)
    assert len(report.skipped) == 1
    assert "2048" in shown
    assert "1024 at most" in shown


def test_ctrl_c_shows_and_writes_what_was_measured(node: NodeProcess, tmp_path: Path) -> None:
    file = tmp_path / "speed.json"
    with interruptible(node, tmp_path, file) as bench:
        wait_until_it_measures(file)
        bench.send_signal(signal.SIGINT)
        shown, problem = bench.communicate(timeout=10)
    assert bench.returncode == 1, problem
    report = Report.model_validate_json(file.read_text())
    assert not report.complete
    assert report.problem == "interrupted"
    assert ("Prompts" in shown) == bool(report.prefill)


def test_wrong_words_are_told_before_anything_is_asked(node: NodeProcess) -> None:
    for option, words in (("--prompts", "12,x"), ("--concurrency", "0")):
        done = node.exo("bench", option, words, check=False)
        assert done.returncode == 2
        assert option in done.stderr


def test_a_problem_is_one_line_that_says_what_to_do(node: NodeProcess, tmp_path: Path) -> None:
    unknown = node.exo("bench", "no-such-model", check=False)
    assert unknown.returncode == 1
    assert "exo models" in unknown.stderr
    environment = {"EXO_HOME": str(tmp_path)}
    for arguments, hint in (
        ([], "exo run"),
        (["--url", node.url], "EXO_API_KEY"),
        (["--url", "http://127.0.0.1:1"], "--url"),
    ):
        done = subprocess.run([EXO, "bench", *arguments], capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 1
        assert done.stdout == ""
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert hint in done.stderr


def test_a_report_says_why_it_is_not_complete(node: NodeProcess, tmp_path: Path) -> None:
    """The last test here: the node dies in the middle."""
    file = tmp_path / "speed.json"
    with interruptible(node, tmp_path, file) as bench:
        wait_until_it_measures(file)
        node.kill()
        _, problem = bench.communicate(timeout=30)
    assert bench.returncode == 1
    report = json.loads(file.read_text())
    assert not report["complete"]
    assert report["problem"] in problem
