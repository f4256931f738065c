"""What a schedule is worth, in imagined time: stages stay busy, streams wait for chunks, not prompts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from exo_core.identifiers import RequestId
from exo_core.requests import Answer, Chunk, Generate, Sampling, TokenPrompt
from exo_engine.chunk_choice import LONGEST_CHUNK_S
from exo_engine.testing.imagined_pipeline import ImaginedPipeline, StageSpeed

Speed = Callable[[int], float]


def whole_chunk(tokens: int) -> float:
    return 0.0016 * tokens


def whole_decode(rows: int) -> float:
    """Weights are read in 30 ms; each row costs 2 ms of arithmetic."""
    return 0.03 + 0.002 * rows


def reading(rows: int) -> float:
    del rows
    return 0.05


def arithmetic(rows: int) -> float:
    return 0.004 * rows


def in_sixteens(rows: int) -> float:
    return 0.02 + 0.048 * -(-rows // 16)


def even(stages: int, *, decode: Speed = whole_decode, chunk: Speed = whole_chunk) -> list[StageSpeed]:
    part = StageSpeed(decode=lambda rows: decode(rows) / stages, chunk=lambda tokens: chunk(tokens) / stages)
    return [part] * stages


class Stream:
    """A request of so many tokens, and when its tokens came."""

    def __init__(self, pipeline: ImaginedPipeline, name: str, prompt: int, tokens: int) -> None:
        self._pipeline = pipeline
        self.arrivals: list[float] = []
        self.over = False
        request = Generate(
            request_id=RequestId(name),
            prompt=TokenPrompt(token_ids=tuple((hash(name) + at) % 256 for at in range(prompt))),
            sampling=Sampling(temperature=0, ignore_eos=True),
            max_tokens=tokens,
        )
        pipeline.submit(request, self.take)

    def take(self, answer: Answer) -> None:
        if isinstance(answer, Chunk):
            self.arrivals.append(self._pipeline.now)
            self.over = answer.finish is not None


def seconds_for(pipeline: ImaginedPipeline, streams: int, *, prompt: int, tokens: int) -> float:
    running = [Stream(pipeline, str(number), prompt, tokens) for number in range(streams)]
    pipeline.run(lambda: all(stream.over for stream in running))
    return pipeline.now


@pytest.mark.parametrize(("stages", "chunk"), [(2, 256), (3, 512), (4, 512)])
def test_a_long_prompt_streams_through_the_stages(stages: int, chunk: int) -> None:
    """K chunks over S stages can take no less than (K + S - 1) / (K S) of the time of one stage."""
    prompt = 16 * chunk + 1
    one = seconds_for(ImaginedPipeline(even(1)), 1, prompt=prompt, tokens=1)
    many = seconds_for(ImaginedPipeline(even(stages)), 1, prompt=prompt, tokens=1)
    bound = 16 * stages / (16 + stages - 1)
    assert one / many == pytest.approx(bound, rel=0.03)


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_a_running_stream_waits_for_a_chunk_on_every_further_stage_at_most(stages: int) -> None:
    pipeline = ImaginedPipeline(even(stages), link=0.001)
    running = Stream(pipeline, "running", 3, 400)
    long: list[Stream] = []

    def is_over() -> bool:
        if len(running.arrivals) == 10 and not long:
            long.append(Stream(pipeline, "long", 4000, 1))
        return bool(long) and long[0].over

    pipeline.run(is_over)
    gaps = [later - earlier for earlier, later in pairwise(running.arrivals)][9:]
    assert max(gaps) < max(1, stages - 1) * LONGEST_CHUNK_S + 2 * whole_decode(2)
    assert len(gaps) > 4


@pytest.mark.parametrize("streams", [1, 2, 3, 8, 24, 64, 128])
@pytest.mark.parametrize(
    "decode",
    [whole_decode, reading, arithmetic, in_sixteens],
    ids=["both", "reading", "arithmetic", "in sixteens"],
)
@pytest.mark.parametrize("stages", [2, 3])
def test_the_choice_of_micro_batches_is_nearly_the_best(stages: int, decode: Speed, streams: int) -> None:
    def took(micro_batches: int) -> float:
        pipeline = ImaginedPipeline(even(stages, decode=decode), link=0.0001, micro_batches=micro_batches)
        return seconds_for(pipeline, streams, prompt=2, tokens=60)

    best = min(took(fixed) for fixed in range(1, stages + 2))
    assert took(0) <= best / 0.95


def test_stages_that_are_not_alike_are_kept_busy_by_the_slowest() -> None:
    """One stage takes three quarters: two micro-batches are at most a third faster, and that is reached."""
    speeds = [
        StageSpeed(decode=lambda rows: 0.75 * arithmetic(rows), chunk=whole_chunk),
        StageSpeed(decode=lambda rows: 0.25 * arithmetic(rows), chunk=whole_chunk),
    ]
    one = seconds_for(ImaginedPipeline(speeds, micro_batches=1), 64, prompt=2, tokens=100)
    chosen = seconds_for(ImaginedPipeline(speeds), 64, prompt=2, tokens=100)
    assert one / chosen == pytest.approx(4 / 3, rel=0.05)


def test_streams_that_come_and_go_leave_the_stages_busy() -> None:
    """Two hundred short conversations, 64 at a time, over two stages: nearly twice as fast as over one."""

    def took(stages: int) -> float:
        pipeline = ImaginedPipeline(even(stages, decode=arithmetic))
        running: list[Stream] = []

        def keep_going() -> bool:
            while len(running) < 200 and sum(not stream.over for stream in running) < 64:
                running.append(Stream(pipeline, str(len(running)), 20, 30 + len(running) % 40))
            return all(stream.over for stream in running)

        pipeline.run(keep_going)
        return pipeline.now

    assert took(1) / took(2) > 1.8
