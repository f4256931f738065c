"""What a rendezvous bears of strangers, and that it keeps nothing of those who have left."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from exo_rendezvous.rooms import Limits, RoomFull, Rooms
from exo_rendezvous.testing.meeting_place import Rendezvous

ROOM = "a" * 32


def seat(rendezvous: Rendezvous, room: str = ROOM) -> connect:
    return connect(f"{rendezvous.url}/exo/1/{room}", close_timeout=0.1)


async def closed_with(connection: ClientConnection) -> int:
    """The code of its end."""
    with pytest.raises(ConnectionClosed) as ended:
        _ = await connection.recv()
    assert ended.value.rcvd is not None
    return ended.value.rcvd.code


async def test_what_one_says_the_others_of_the_room_hear(rendezvous: Rendezvous) -> None:
    async with seat(rendezvous) as one, seat(rendezvous) as two, seat(rendezvous, "b" * 32) as elsewhere:
        await one.send(b"hello")
        assert await two.recv() == b"hello"
        for silent in (one, elsewhere):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    _ = await silent.recv()
    await rendezvous.until_seated(0)


@pytest.mark.parametrize(("said", "code"), [("text", 1008), (bytes(20 * 1024 + 1), 1009), (bytes(10**6), 1009)])
async def test_what_is_not_meant_to_be_said_ends_the_seat(rendezvous: Rendezvous, said: str | bytes, code: int) -> None:
    async with seat(rendezvous) as connection:
        await connection.send(said)
        assert await closed_with(connection) == code
    await rendezvous.until_seated(0)


async def test_who_says_too_much_at_once_has_to_go(rendezvous: Rendezvous) -> None:
    async with seat(rendezvous) as loud, seat(rendezvous) as quiet:
        for _ in range(40):
            await loud.send(b"!")
        assert await closed_with(loud) == 1008
        await quiet.send(b"still here")
    assert len(rendezvous.heard) <= 22


@pytest.mark.parametrize("room", ["short", "A" * 32, "1" * 32, "a" * 33])
async def test_a_room_that_cannot_be_meant_is_refused(rendezvous: Rendezvous, room: str) -> None:
    with pytest.raises(InvalidStatus):
        async with seat(rendezvous, room):
            pass


def test_rooms_seats_and_addresses_are_counted() -> None:
    rooms = Rooms(Limits(rooms=2, seats_per_room=2, seats_per_source=3))
    seats = [rooms.enter(room, "one", 0.0) for room in ("a", "a", "b")]
    for room, source in (("a", "two"), ("c", "two"), ("b", "one")):
        with pytest.raises(RoomFull):
            _ = rooms.enter(room, source, 0.0)
    for taken in seats:
        rooms.leave(taken)
    assert rooms.seats == 0
    assert rooms.enter("c", "one", 0.0)


def test_who_does_not_listen_misses_what_is_said_and_holds_up_nobody() -> None:
    rooms = Rooms(Limits(unheard=3))
    speaker, deaf = rooms.enter("a", "one", 0.0), rooms.enter("a", "two", 0.0)
    for number in range(10):
        rooms.say(speaker, bytes([number]))
    assert deaf.unheard.qsize() == 3


def test_a_rate_is_kept_after_the_burst() -> None:
    seat_taken = Rooms(Limits(burst=2, messages_per_second=1)).enter("a", "one", 0.0)
    assert [seat_taken.may_speak(at) for at in (0.0, 0.0, 0.1, 2.1, 2.2)] == [True, True, False, True, False]
