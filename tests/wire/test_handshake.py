"""Two nodes introduce themselves, or part with a sentence that says why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exo_core.errors import WireError
from exo_core.identifiers import NO_EPOCH, BootId, ClusterId, NodeId
from exo_core.wire.codec import pack, unpack
from exo_core.wire.handshake import TRANSITIONS, Handshake
from exo_core.wire.hello import WIRE_VERSION, Hello, Refusal


def hello(node_id: str, **changes: Any) -> Hello:
    plain = Hello(
        exo_version="0.1.0",
        cluster_id=ClusterId("ours"),
        node_id=NodeId(node_id),
        boot=BootId(1),
        name=f"{node_id}'s machine",
        epoch=NO_EPOCH,
        consistency="availability",
        plugins=("tcp", "mlx"),
        election="bully",
        reducer_fingerprint="f",
    )
    return plain.model_copy(update=changes)


def meet(first: Hello, second: Hello, *, proven: str | None = None) -> tuple[Handshake, Handshake]:
    """Both sides after all that is to be said was said."""
    dialler = Handshake("dialler", own=first, proven=second.node_id, judge=lambda _: None)
    acceptor = Handshake("acceptor", own=second, proven=NodeId(proven or first.node_id), judge=lambda _: None)
    answer = acceptor.receive(dialler.begin())
    if acceptor.state == "heard":
        answer = acceptor.welcome(5)
    assert answer is not None
    assert dialler.receive(answer) is None
    return dialler, acceptor


def test_two_nodes_meet() -> None:
    first, second = hello("a"), hello("b", consistency=None)
    dialler, acceptor = meet(first, second)
    assert (dialler.state, acceptor.state) == ("met", "met")
    assert acceptor.other == first
    assert dialler.other == second.model_copy(update={"link_number": 5})


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"cluster_id": "theirs"}, "cluster", ["theirs", "ours"]),
        ({"consistency": "majority"}, "consistency", ["majority", "availability", "a's machine"]),
        ({"election": "raft"}, "election", ["raft", "bully"]),
        ({"node_id": "c"}, "identity", ["says it is c", "certificate says a"]),
    ],
)
def test_differences_that_part_them(changes: dict[str, Any], code: str, words: list[str]) -> None:
    for side in meet(hello("a").model_copy(update=changes), hello("b"), proven="a"):
        assert side.state == "refused"
        assert side.refusal is not None
        assert side.refusal.code == code
        assert side.refusal.name == "b's machine"
        for word in words:
            assert word in side.refusal.reason


def test_an_older_version_is_told_what_to_install() -> None:
    """Even when nothing of the newer Hello but its preamble can be understood."""
    newer = {
        "type": "hello",
        "wire_version": WIRE_VERSION + 2,
        "exo_version": "0.9.0",
        "node_id": "a",
        "name": "a's machine",
        "something": ["new"],
    }
    acceptor = Handshake("acceptor", own=hello("b"), proven=NodeId("a"), judge=lambda _: None)
    answer = acceptor.receive(pack(newer))
    assert acceptor.refusal is not None
    assert acceptor.refusal.reason == (
        f"b's machine runs exo 0.1.0 (wire {WIRE_VERSION}) and a's machine runs exo 0.9.0 (wire {WIRE_VERSION + 2}): "
        "bring b's machine to exo 0.9.0"
    )
    assert answer is not None
    assert Refusal.model_validate(unpack(answer)).code == "version"


def test_a_newer_acceptor_refuses_an_older_dialler_with_the_same_sentence() -> None:
    older, newer = meet(hello("a"), hello("b", wire_version=WIRE_VERSION + 1, exo_version="0.2.0"))
    assert older.refusal is not None
    assert newer.refusal is not None
    assert older.refusal.reason == newer.refusal.reason
    assert "bring a's machine to exo 0.2.0" in older.refusal.reason


def test_a_copied_identity_is_named_and_oneself_is_not() -> None:
    twin, _ = meet(hello("a", boot=BootId(1)), hello("a", boot=BootId(2), name="the twin"))
    assert twin.refusal is not None
    assert "two machines with one copied identity" in twin.refusal.reason
    oneself, _ = meet(hello("a"), hello("a"))
    assert oneself.refusal is not None
    assert oneself.refusal.reason == "this is a's machine itself"


def test_the_nodes_own_judge_has_the_last_word() -> None:
    def judge(other: Hello) -> str:
        return f"{other.name} was forgotten"

    acceptor = Handshake("acceptor", own=hello("b"), proven=NodeId("a"), judge=judge)
    dialler = Handshake("dialler", own=hello("a"), proven=NodeId("b"), judge=lambda _: None)
    acceptor.receive(dialler.begin())
    assert acceptor.refusal is not None
    assert acceptor.refusal.code == "membership"
    assert acceptor.refusal.reason == "a's machine was forgotten"


def test_whatever_is_out_of_order_is_a_wire_error() -> None:
    first, second = hello("a"), hello("b")
    dialler = Handshake("dialler", own=first, proven=second.node_id, judge=lambda _: None)
    other = Handshake("dialler", own=second, proven=first.node_id, judge=lambda _: None)
    begun = dialler.begin()
    with pytest.raises(WireError):
        dialler.begin()
    other.begin()
    with pytest.raises(WireError):
        other.receive(begun)  # a Hello in answer to a Hello
    acceptor = Handshake("acceptor", own=second, proven=first.node_id, judge=lambda _: None)
    with pytest.raises(WireError):
        acceptor.welcome(1)
    acceptor.receive(begun)
    with pytest.raises(WireError):
        acceptor.receive(begun)


@given(st.binary(max_size=100))
def test_any_first_bytes_are_a_wire_error(data: bytes) -> None:
    acceptor = Handshake("acceptor", own=hello("b"), proven=NodeId("a"), judge=lambda _: None)
    with pytest.raises(WireError):
        acceptor.receive(data)


def test_a_refusal_that_cannot_be_read_refuses_nothing() -> None:
    dialler = Handshake("dialler", own=hello("a"), proven=NodeId("b"), judge=lambda _: None)
    dialler.begin()
    refusal = Refusal.by(hello("b"), "membership", "it was forgotten").model_dump()
    with pytest.raises(WireError):
        dialler.receive(pack({**refusal, "reason": 5}))
    assert (dialler.state, dialler.refusal) == ("waiting", None)


def test_the_table_leads_to_an_end() -> None:
    """Every state but the two last can be left, and neither of those can."""
    left, reached = {state for state, _ in TRANSITIONS}, set(TRANSITIONS.values())
    assert reached - left == {"met", "refused"}
    assert left - reached == {"silent", "listening"}
