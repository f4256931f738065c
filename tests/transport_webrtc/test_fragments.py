"""Messages survive being cut, whatever they consist of; nothing that comes in is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exo_core.errors import WireError
from exo_core.transports import MAXIMUM_MESSAGE_BYTES
from exo_transport_webrtc import fragments
from exo_transport_webrtc.fragments import FRAGMENT_BYTES, Assembly, credit, credited, fragments_of

LENGTHS = st.lists(st.sampled_from([0, 1, 7, FRAGMENT_BYTES - 1, FRAGMENT_BYTES, 3 * FRAGMENT_BYTES + 5]), max_size=5)


@given(st.lists(LENGTHS, max_size=3))
def test_messages_come_out_as_they_went_in(messages: list[list[int]]) -> None:
    assembly, whole = Assembly(), list[bytes]()
    for number, lengths in enumerate(messages):
        for fragment in fragments_of([bytes([number]) * length for length in lengths]):
            assert 1 <= len(fragment) <= FRAGMENT_BYTES
            message = assembly.add(fragment)
            if message is not None:
                whole.append(message)
    assert whole == [bytes([number]) * sum(lengths) for number, lengths in enumerate(messages)]


def test_a_message_that_is_too_large_is_refused_before_anything_of_it_is_made() -> None:
    with pytest.raises(ValueError, match=str(MAXIMUM_MESSAGE_BYTES)):
        _ = fragments_of([memoryview(bytearray(MAXIMUM_MESSAGE_BYTES)), b"!"])


def test_fragments_without_an_end_are_not_kept_for_ever() -> None:
    assembly = Assembly()
    endless = bytes((fragments.MORE,)) + bytes(4 * 1024 * 1024)
    for _ in range(15):
        assert assembly.add(endless) is None
    with pytest.raises(WireError, match="more than"):
        _ = [assembly.add(endless) for _ in range(2)]


def test_a_message_has_a_largest_size_and_does_not_come_in_crumbs() -> None:
    part = bytes((fragments.MORE,)) + bytes(FRAGMENT_BYTES - 1)
    assembly = Assembly(largest=2 * FRAGMENT_BYTES)
    assert [assembly.add(part), assembly.add(part)] == [None, None]
    with pytest.raises(WireError, match=f"more than {2 * FRAGMENT_BYTES}"):
        _ = assembly.add(part)
    for size in (0, fragments.SMALLEST_PART_BYTES - 2):
        with pytest.raises(WireError, match="not the last one"):
            _ = Assembly().add(bytes((fragments.MORE,)) + bytes(size))


def test_a_credit_says_how_much_was_taken() -> None:
    assert credited(credit(2**40 + 3)) == 2**40 + 3
    with pytest.raises(WireError):
        _ = credited(credit(1) + b"\0")
