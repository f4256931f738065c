"""How fast is a link, and how do hidden states travel over one of that speed?"""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exo_engine.codec_choice import FAST_BYTES_PER_S, UNMEASURED_S, choose_codec, token_seconds
from exo_engine.codecs import CODECS, CodecName
from exo_engine.link_speed import LARGEST, PATIENCE_S, SMALLEST, measured_speed
from exo_engine.steps import StageReport

WIDTH = 64


# which codec ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bytes_per_s", "codec"),
    [(1e9, "exact"), (400e3, "exact"), (300e3, "float16"), (150e3, "int8"), (10.0, "int8")],
)
def test_a_link_carries_a_row_in_the_time_a_token_is_computed(bytes_per_s: float, codec: CodecName) -> None:
    """256 bytes a row in float32, 128 in float16, 68 in int8; 0.8 of a millisecond a token."""
    assert choose_codec("F32", WIDTH, bytes_per_s=bytes_per_s, token_seconds=0.001) == codec


@pytest.mark.parametrize(("bytes_per_s", "codec"), [(5.1e6, "exact"), (1e6, "float16"), (0.5e6, "int8")])
def test_a_link_by_webrtc_is_fast_enough_for_a_small_model(bytes_per_s: float, codec: CodecName) -> None:
    """134M parameters need 2.16 ms a token on one core, and the slowest chunk of a prompt was seen at 5.1 MB/s."""
    assert choose_codec("F32", 576, bytes_per_s=bytes_per_s, token_seconds=0.00216) == codec


@given(st.sampled_from(["F32", "F16", "BF16"]), st.integers(1, 9000), st.floats(1, 1e11), st.floats(0, 1))
def test_a_faster_link_never_gets_a_coarser_codec(
    dtype: str, width: int, bytes_per_s: float, token_seconds: float
) -> None:
    slow = choose_codec(dtype, width, bytes_per_s=bytes_per_s, token_seconds=token_seconds)
    fast = choose_codec(dtype, width, bytes_per_s=2 * bytes_per_s, token_seconds=token_seconds)
    assert CODECS.index(fast) <= CODECS.index(slow)
    assert choose_codec(dtype, width, bytes_per_s=FAST_BYTES_PER_S, token_seconds=token_seconds) == "exact"


def test_a_token_is_as_quick_as_in_the_best_chunk() -> None:
    assert token_seconds(StageReport(chunk_seconds=((10, 1.0), (100, 2.0)), decode_seconds=((1, 0.001),))) == 0.02
    assert token_seconds(StageReport(decode_seconds=((1, 0.5), (4, 1.0)))) == 0.25
    assert token_seconds(StageReport()) == UNMEASURED_S


# how fast it is --------------------------------------------------------------------------------------------------


@given(st.floats(1e4, 1e10), st.floats(0, 0.3), st.integers(0, 2**32))
def test_speed_is_found_whatever_the_way_takes(bytes_per_s: float, way_s: float, seed: int) -> None:
    chance, sent = random.Random(seed), list[int]()

    def exchange(size: int) -> float | None:
        sent.append(size)
        took = way_s * chance.uniform(1, 1.1) + size / bytes_per_s
        return took if took <= PATIENCE_S else None

    speed = measured_speed(exchange)
    assert speed is not None
    if bytes_per_s >= FAST_BYTES_PER_S:
        assert speed >= 0.5 * FAST_BYTES_PER_S
    else:
        assert bytes_per_s / 2 <= speed <= 2 * bytes_per_s
    assert sum(sent) / bytes_per_s < 1.5 * PATIENCE_S
    assert max(sent) <= LARGEST


def test_what_a_line_lets_pass_at_once_is_not_taken_for_its_speed() -> None:
    """A bucket of 64 KiB, which 250 kB/s fill again."""
    bucket, full = [65536.0], 65536.0

    def exchange(size: int) -> float:
        took = 0.001 + max(0.0, size - bucket[0]) / 250e3
        bucket[0] = min(full, max(0.0, bucket[0] - size) + 0.001 * 250e3)
        return took

    speed = measured_speed(exchange)
    assert speed is not None
    assert 225e3 < speed < 275e3


def test_a_machine_that_was_held_up_at_first_does_not_make_a_link_instant() -> None:
    took = iter([0.2, 0.2, 0.5, 0.15, 0.1])
    assert measured_speed(lambda _: next(took)) == pytest.approx(SMALLEST / 0.05)


def test_who_does_not_answer_is_not_measured_and_who_never_gets_a_probe_is_slow() -> None:
    assert measured_speed(lambda _: None) is None
    assert measured_speed(lambda size: None if size else 0.1) == SMALLEST / PATIENCE_S
