"""Ten thousand steps and whatever may happen between them: stages and head agree, and every answer is the right one."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import pytest

from exo_core.identifiers import RequestId
from exo_core.requests import (
    Accepted,
    Answer,
    Chunk,
    Embed,
    EngineRequest,
    Failed,
    Generate,
    Refused,
    Result,
    Sampling,
    Score,
    TextPrompt,
)
from exo_core.runner.remaining import Remaining
from exo_engine.head import Head
from exo_engine.inbox import Cancel, Submit
from exo_engine.scheduler import Scheduler
from exo_engine.steps import Close, Generation, Open, Operation, StageReport
from exo_engine.testing.arithmetic_stage import ArithmeticStage
from exo_engine.testing.byte_tokenizer import ByteTokenizer
from exo_engine.testing.lagging_stages import LaggingStages
from exo_engine.testing.whole_model import answer_alone

LAYERS = 4
OPERATIONS = 2500
BEGINNINGS = ("", "You are a helpful assistant who knows everything. ", "a" * 150)
REPORTS = {
    "trimmable": StageReport(
        cache_bytes=6000, bytes_per_token=8, bytes_per_sequence=32, trimmable=True, outputs=("token", "sum", "scores")
    ),
    "windows, whole only": StageReport(
        cache_bytes=6000,
        bytes_per_token=4,
        bytes_per_sequence=32,
        windows=((40, 4), (100, 5)),
        trimmable=False,
        outputs=("token", "sum", "scores"),
    ),
}


@dataclass
class Asked:
    request: EngineRequest
    remaining: Remaining
    answers: list[Answer] = field(default_factory=list[Answer])
    cancelled: bool = False

    def take(self, answer: Answer) -> None:
        assert not self.remaining.over, "an answer came after the last one"
        self.answers.append(answer)
        self.remaining.take(answer)


class Disturbed:
    """A head whose every turn something may happen before."""

    def __init__(self, seed: int, stages: int, report: StageReport, micro_batches: int) -> None:
        self.chance = random.Random(seed)
        bounds = [round(LAYERS * stage / stages) for stage in range(stages + 1)]
        self.stages = [
            ArithmeticStage(start=bounds[stage], end=bounds[stage + 1], layers=LAYERS, told=report)
            for stage in range(stages)
        ]
        self.scheduler = Scheduler(
            stages=stages, context=600, prefill_chunk=48, micro_batches=micro_batches, runs_ahead=stages == 1
        )
        self.steps = LaggingStages(self.stages, self.expected, self.chance)
        runs = count(1)
        self.head = Head(
            tokenizer=ByteTokenizer(),
            context=600,
            scheduler=self.scheduler,
            next_generation=lambda: Generation(placement_id="p", start=1, n=next(runs)),
        )
        self.asked: dict[str, Asked] = {}
        self.said = list[str]()
        self.left = OPERATIONS

    def expected(self) -> Mapping[int, int]:
        return {name: sequence.scheduled for name, sequence in self.scheduler.open.by_name.items()}

    def run(self) -> None:
        self.head.serve(self.steps, self.is_over)

    def is_over(self) -> bool:
        if self.left:
            self.left -= 1
            self.disturb()
            return False
        busy = self.scheduler.under_way or self.scheduler.open.has_operations
        return not busy and all(each.remaining.over for each in self.asked.values())

    def disturb(self) -> None:
        match self.chance.randrange(40):
            case 0 | 1 | 2:
                self.submit(self.some_request(len(self.asked)))
            case 3 if self.asked:
                name = self.chance.choice(list(self.asked))
                self.asked[name].cancelled = True
                self.head.inbox.put(Cancel(RequestId(name)))
            case 5 if self.chance.random() < 0.5:
                self.steps.resize(self.chance.randrange(len(self.stages)), self.chance.choice((4800, 6000)))
            case 4 if self.chance.random() < 0.1:
                self.chance.choice(self.stages).failures = 1
            case _:
                pass

    def submit(self, request: EngineRequest) -> None:
        asked = Asked(request, Remaining(request))
        self.asked[request.request_id] = asked
        self.head.inbox.put(Submit(request, asked.take))

    def some_request(self, number: int) -> EngineRequest:
        name, chance = RequestId(str(number)), self.chance
        text = chance.choice([*BEGINNINGS, *self.said[-6:]]) + "".join(chance.choices("abc", k=chance.randint(1, 40)))
        prompt = TextPrompt(text=text[:400])
        match chance.randrange(12):
            case 0:
                return Embed(request_id=name, prompts=(prompt, TextPrompt(text=text[:7])))
            case 1:
                return Score(request_id=name, prompt=prompt, top=chance.randrange(3))
            case _:
                self.said.append(prompt.text)
                return Generate(
                    request_id=name,
                    prompt=prompt,
                    sampling=Sampling(temperature=chance.choice([0, 1]), seed=number, ignore_eos=True),
                    max_tokens=chance.choice([1, 5, 40, 150]),
                    choices=chance.choice([1, 1, 1, 2, 4]),
                )


@pytest.mark.parametrize("kind", REPORTS)
@pytest.mark.parametrize(("seed", "stages", "micro_batches"), [(1, 1, 0), (2, 2, 0), (3, 3, 0), (4, 3, 3)])
def test_whatever_happens(kind: str, seed: int, stages: int, micro_batches: int) -> None:
    disturbed = Disturbed(seed, stages, REPORTS[kind], micro_batches)
    disturbed.run()
    disturbed.steps.settle()
    assert disturbed.steps.steps > OPERATIONS / 3
    kept = disturbed.scheduler.open.kept
    assert all(stage.snapshots == kept for stage in disturbed.stages)
    assert len(disturbed.asked) > 100
    assert what_happened(disturbed.steps.seen) >= {"evict", "keep", "take", "share", "requeue", "limit"}
    for asked in disturbed.asked.values():
        check(asked)


def what_happened(operations: Sequence[Operation]) -> set[str]:
    """Of all that can be done to caches, what was done."""
    happened = {operation.op for operation in operations}
    for operation in operations:
        if isinstance(operation, Close) and operation.keep is not None:
            happened.add("keep")
        if isinstance(operation, Open):
            if operation.delivered:
                happened.add("requeue")
            if operation.start is not None:
                happened.add("take" if operation.start.take else "share")
    return happened


def check(asked: Asked) -> None:
    """Ended once, with what a model alone says."""
    first, *_, last = asked.answers
    assert isinstance(first, Accepted)
    assert not isinstance(last, Refused)
    if isinstance(last, Failed):
        assert asked.cancelled or "asked for" in last.message or last.code == "instance_lost", last
        return
    tokens = ByteTokenizer()
    model = ArithmeticStage(start=0, end=LAYERS, layers=LAYERS)
    expected = answer_alone(model, asked.request, tokens)
    if isinstance(expected, Result):
        assert last == expected
        return
    for choice, token_ids in enumerate(expected):
        chunks = [answer for answer in asked.answers if isinstance(answer, Chunk) and answer.choice == choice]
        drawn = [chunk.token_id for chunk in chunks if chunk.finish != "cancelled"]
        assert drawn == token_ids[: len(drawn)]
        assert len(drawn) == len(token_ids) or (asked.cancelled and chunks[-1].finish == "cancelled")
