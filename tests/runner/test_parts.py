"""The pure parts of supervision."""

from __future__ import annotations

from pathlib import Path

from exo_core.identifiers import Epoch, NodeId
from exo_core.runner.crashes import CrashCounter
from exo_core.runner.environment import runner_environment
from exo_core.runner.epoch_fence import EpochFence
from exo_core.runner.last_words import LONGEST, last_words
from exo_core.runner.spawn import describe_exit


def test_three_crashes_within_a_minute_are_too_many() -> None:
    crashes = CrashCounter()
    assert [crashes.crashed(now) for now in (0, 50, 70)] == [None, None, None]
    crashes.was_ready()
    assert [crashes.crashed(now) for now in (115, 131, 140)] == [None, None, "3 times within a minute"]


def test_five_starts_without_ever_being_ready_are_too_many_at_any_pace() -> None:
    crashes = CrashCounter()
    assert [crashes.crashed(now) for now in (0, 100, 200, 300)] == [None] * 4
    crashes.was_ready()
    assert [crashes.crashed(now) for now in (400, 1000, 5000, 9000)] == [None] * 4
    assert crashes.crashed(90_000) == "5 times in a row without ever being ready"


def test_an_epoch_never_goes_back() -> None:
    fence = EpochFence()
    epochs = [Epoch(term=2, master_id=NodeId("b")), Epoch(term=2, master_id=NodeId("a")), Epoch(term=3)]
    assert [fence.admits(epoch) for epoch in (*epochs, epochs[0], epochs[2])] == [True, False, True, False, True]


def test_only_harmless_variables_reach_a_runner() -> None:
    own = {
        "EXO_SECRET": "s",
        "EXO_TESTS": "1",
        "HF_TOKEN": "t",
        "PATH": "p",
        "OMP_NUM_THREADS": "3",
        "EXO_MLX_BLAS": "off",
        "EXO_MICRO_BATCHES": "2",
        "EXO_ACTIVATION_CODEC": "int8",
    }
    assert runner_environment(own, backend="mlx", threads=2) == {
        "EXO_TESTS": "1",
        "EXO_MLX_BLAS": "off",
        "EXO_MICRO_BATCHES": "2",
        "EXO_ACTIVATION_CODEC": "int8",
        "PATH": "p",
        "OMP_NUM_THREADS": "3",
        "OPENBLAS_NUM_THREADS": "2",
    }
    assert runner_environment({}, backend="mlx", threads=None) == {}


def test_last_words_are_the_last_lines_of_this_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_words(log, since=0) == ""
    log.write_text("before\n")
    assert last_words(log, since=7) == ""
    log.write_text("before\n" + "".join(f"line {number}\n\n" for number in range(9)))
    assert last_words(log, since=7) == "line 3 | line 4 | line 5 | line 6 | line 7 | line 8"
    log.write_text("x" * 10 * LONGEST)
    assert last_words(log, since=0) == "x" * LONGEST


def test_exits_are_named() -> None:
    assert describe_exit(-9) == "it was ended by SIGKILL"
    assert describe_exit(3) == "it ended with status 3"
