"""What stages send each other survives the wire, and nothing else gets in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exo_core.errors import WireError
from exo_core.requests import Sampling
from exo_engine.step_stream import (
    ActivationHeader,
    StepHeader,
    decode_answer,
    decode_step,
    encode_answer,
    encode_step,
)
from exo_engine.steps import (
    Close,
    Drawn,
    Evict,
    Forward,
    Generation,
    HiddenSum,
    Open,
    Row,
    Scored,
    Snapshot,
    StageReport,
    Start,
    Step,
    StepAnswer,
    TokenScore,
    Trim,
)

GENERATION = Generation(placement_id="p", start=2, n=3)
START = Start(snapshot=8, length=3, take=True)
OPERATIONS = (
    Close(sequence=1),
    Close(sequence=3, keep=8),
    Trim(sequence=2, length=3),
    Snapshot(sequence=2, snapshot=9),
    Evict(snapshot=9),
    Open(
        sequence=4,
        choice=0,
        sampling=Sampling(seed=-(2**63), logit_bias=((1, -2.5),)),
        prompt_ids=(1, 2**62),
        delivered=(1,),
        start=START,
    ),
    Forward(rows=(Row(sequence=4, position=0, count=2, output="token", allowed=b"\x01\xff"),)),
)

REPORT = StageReport(
    cache_bytes=2**40,
    bytes_per_token=8,
    bytes_per_sequence=16,
    windows=((512, 8), (2**40, 2**40)),
    trimmable=True,
    outputs=("token", "sum"),
    chunk_seconds=((32, 0.5), (64, 0.75)),
    decode_seconds=((1, 0.125),),
)


def test_a_step_comes_back_with_its_activation() -> None:
    step = Step(generation=GENERATION, number=7, operations=OPERATIONS)
    header = StepHeader(
        step=step,
        activation=ActivationHeader(codec="exact", dtype="F32", shape=(2, 1)),
        seconds=(0.5,),
        reports=(REPORT,),
    )
    received = decode_step(b"".join(encode_step(header, b"12345678")))
    assert received.header == header
    assert received.activation is not None
    assert bytes(received.activation.data) == b"12345678"


def test_an_answer_comes_back() -> None:
    answer = StepAnswer(
        generation=GENERATION,
        number=7,
        drawn=(Drawn(sequence=4, token_id=5, logprob=-1.5, top=((5, -1.5),)),),
        sums=(HiddenSum(sequence=5, count=2, values=b"12345678"),),
        scored=(Scored(sequence=6, position=1, tokens=(TokenScore(token_id=2, logprob=-0.5, top=((2, -0.5),)),)),),
        seconds=(0.25, 0.5),
        reports=(REPORT, StageReport()),
    )
    assert decode_answer(encode_answer(answer)) == answer


def test_an_activation_of_the_wrong_size_is_refused() -> None:
    step = Step(generation=GENERATION, number=7, operations=OPERATIONS)
    header = StepHeader(step=step, activation=ActivationHeader(codec="exact", dtype="BF16", shape=(2, 3)))
    with pytest.raises(WireError, match="came with 8 bytes"):
        decode_step(b"".join(encode_step(header, b"12345678")))


@given(st.binary(max_size=64))
def test_other_bytes_are_a_wire_error(noise: bytes) -> None:
    with pytest.raises(WireError):
        decode_step(noise)
    with pytest.raises(WireError):
        decode_answer(noise)
