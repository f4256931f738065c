"""The process that tries grammars out: what it may take, how it ends, and that another takes its place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator

import psutil
import pytest

from exo_core.errors import RequestRefused
from exo_core.requests import Grammar
from exo_engine.grammars.contract import NobodyWaits
from exo_engine.grammars.examination import described
from exo_engine.grammars.examiner import GrammarExaminer
from exo_engine.grammars.watched_process import Limits, ProcessEnded, WatchedProcess
from exo_engine.testing.byte_tokenizer import ByteTokenizer

PROCESS = "exo_engine.grammars.examiner_process"
SIMPLE = Grammar(kind="regex", text="a+")
SLOW = Grammar(kind="json_schema", text='{"type": "integer", "multipleOf": 9999991}')
LARGE = Grammar(kind="json_schema", text='{"type": "integer", "multipleOf": 99991}')
"""Takes 30 MB and a second."""
GENEROUS = Limits(waited_s=60)
PLENTY = str(2**30)


@pytest.fixture(scope="module")
def examiner() -> Generator[GrammarExaminer]:
    description = described(ByteTokenizer())
    assert description is not None
    examiner = GrammarExaminer(description)
    yield examiner
    examiner.close()


def watched(most_bytes: str = PLENTY) -> WatchedProcess:
    """A process with its tokenizer."""
    description = described(ByteTokenizer())
    assert description is not None
    process = WatchedProcess(PROCESS, most_bytes)
    process.tell(description.model_dump_json())
    process.hear(GENEROUS)
    return process


def refusal(examiner: GrammarExaminer, grammar: Grammar) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        examiner.examine(grammar)
    return caught.value


def test_one_process_examines_one_grammar_after_the_other(examiner: GrammarExaminer) -> None:
    examiner.examine(SIMPLE)
    pid = examiner.pid
    examiner.examine(Grammar(kind="json_object"))
    assert refusal(examiner, Grammar(kind="regex", text="(a")).code == "invalid_grammar"
    examiner.examine(SIMPLE)
    assert examiner.pid == pid


def test_a_grammar_that_takes_too_long_is_refused_and_the_next_is_not(examiner: GrammarExaminer) -> None:
    examiner.examine(SIMPLE)
    pid = examiner.pid
    assert pid is not None
    refused = refusal(examiner, SLOW)
    assert (refused.status, refused.code) == (400, "invalid_grammar")
    assert "more than 2 s" in refused.message
    assert not psutil.pid_exists(pid)
    examiner.examine(SIMPLE)
    assert examiner.pid != pid


def test_what_nobody_waits_for_is_ended(examiner: GrammarExaminer) -> None:
    examiner.examine(SIMPLE)
    pid = examiner.pid
    assert pid is not None
    looks = iter([True, True, False])
    with pytest.raises(NobodyWaits):
        examiner.examine(SLOW, lambda: next(looks))
    assert not psutil.pid_exists(pid)
    examiner.examine(SIMPLE)


def test_a_process_that_somebody_ended_is_replaced_unnoticed(examiner: GrammarExaminer) -> None:
    examiner.examine(SIMPLE)
    pid = examiner.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    examiner.examine(SIMPLE)
    assert examiner.pid != pid


def test_closing_ends_it(examiner: GrammarExaminer) -> None:
    examiner.examine(SIMPLE)
    pid = examiner.pid
    assert pid is not None
    examiner.close()
    assert not psutil.pid_exists(pid)


def test_too_much_memory_ends_it() -> None:
    process = watched()
    process.tell(LARGE.model_dump_json())
    with pytest.raises(ProcessEnded) as caught:
        process.hear(Limits(waited_s=60, held_bytes=10 * 2**20))
    assert caught.value.cause == "memory"
    assert not psutil.pid_exists(process.pid)


@pytest.mark.skipif(not psutil.LINUX, reason="only Linux keeps a process from asking for more")
def test_the_system_gives_it_no_more_memory_than_it_may_have() -> None:
    process = watched(most_bytes=str(4 * 2**20))
    process.tell(LARGE.model_dump_json())
    with pytest.raises(ProcessEnded) as caught:
        process.hear(GENEROUS)
    assert caught.value.cause == "memory"


def test_one_that_cannot_compute_because_others_do_says_nothing_about_the_grammar() -> None:
    process = watched()
    os.kill(process.pid, signal.SIGSTOP)
    process.tell(SIMPLE.model_dump_json())
    with pytest.raises(ProcessEnded) as caught:
        process.hear(Limits(computed_s=2, waited_s=0.3))
    assert caught.value.cause == "load"
    assert not psutil.pid_exists(process.pid)


def test_it_ends_with_whoever_started_it() -> None:
    lines = (
        "import os, sys",
        "from exo_engine.grammars.watched_process import WatchedProcess",
        "process = WatchedProcess(*sys.argv[1:])",
        "print(process.pid, flush=True)",
        "os.kill(os.getpid(), 9)",
    )
    script = [sys.executable, "-c", "\n".join(lines), PROCESS, PLENTY]
    ended = subprocess.run(script, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    left = psutil.Process(int(ended.stdout))
    psutil.wait_procs([left], timeout=20)
    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
