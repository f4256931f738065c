"""A join code survives being pasted, and says what is wrong when it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exo_core.errors import JoinError
from exo_core.identity.join_code import MAXIMUM_TICKETS, JoinCode, parse_join_code
from exo_core.identity.secret import ClusterSecret
from exo_core.transports import Ticket

SECRET = ClusterSecret.generate()
TICKETS = (Ticket("tcp://192.168.178.34:52416"), Ticket("tcp://[2001:db8::1]:52416"))
CODE = JoinCode.new(tickets=TICKETS, authority=SECRET.authority, expires_at=1_900_000_000)


def test_a_code_read_back_is_the_same() -> None:
    assert parse_join_code(str(CODE)) == CODE


def test_a_code_is_one_word_of_letters_and_digits_and_short() -> None:
    word = str(CODE)
    assert word.isascii()
    assert word.isalnum()
    assert len(word) <= 160


def test_case_and_the_breaks_of_a_terminal_do_not_matter() -> None:
    word = str(CODE)
    assert parse_join_code(f"  {word[:40].upper()}\n {word[40:]}\n") == CODE


def test_the_secret_is_not_in_the_code() -> None:
    packed = str(CODE)
    assert SECRET.reveal().hex() not in packed
    assert repr(CODE.token) not in repr(CODE)


def test_the_code_knows_its_cluster() -> None:
    assert CODE.is_for(SECRET.authority)
    assert not CODE.is_for(ClusterSecret.generate().authority)


def test_the_authority_follows_from_the_token() -> None:
    assert parse_join_code(str(CODE)).authority.pem == CODE.authority.pem
    assert CODE.authority.name.endswith(".invitation.exo")


@given(
    position=st.integers(min_value=4, max_value=len(str(CODE)) - 1), letter=st.sampled_from("abcdefghijklmnop234567")
)
def test_a_mistyped_letter_is_noticed(position: int, letter: str) -> None:
    word = str(CODE)
    changed = word[:position] + letter + word[position + 1 :]
    if position == len(word) - 1 or changed == word:
        return  # the last letter may carry bits of padding only
    with pytest.raises(JoinError, match="exo invite"):
        _ = parse_join_code(changed)


@given(st.text(max_size=200))
def test_no_text_does_worse_than_a_join_error(text: str) -> None:
    with pytest.raises(JoinError):
        _ = parse_join_code(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("hello", "begins with exo1"),
        ("exo2abcdef", "another version"),
        ("exo1", "incomplete"),
        (str(CODE)[:-7], "incomplete"),
        ("exo1!!!!", "incomplete"),
        ("exo1" + "a" * 100_000, "begins with"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises(JoinError, match=says):
        _ = parse_join_code(text)


def test_a_machine_with_very_many_addresses_still_gets_a_code() -> None:
    many = [Ticket(f"tcp://10.0.0.{number}:52416") for number in range(40)]
    code = JoinCode.new(tickets=[Ticket("x" * 5000), *many], authority=SECRET.authority, expires_at=0)
    assert parse_join_code(str(code)).tickets == tuple(many[:MAXIMUM_TICKETS])
