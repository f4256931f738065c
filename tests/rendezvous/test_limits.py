"""What a rendezvous bears of strangers, and that it keeps nothing of those who have left."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from exo_rendezvous.rooms import Limits, RoomFull, Rooms, limits_within
from exo_rendezvous.sources import source_of
from exo_rendezvous.testing.meeting_place import PATIENCE_SECONDS, Rendezvous, until

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


async def test_who_says_too_much_at_once_has_to_go(strict: Rendezvous) -> None:
    async with seat(strict) as loud, seat(strict) as quiet:
        for _ in range(40):
            await loud.send(b"!")
        assert await closed_with(loud) == 1008
        await quiet.send(b"still here")
        await until(lambda: b"still here" in strict.heard)
    assert len(strict.heard) == strict.rooms.limits.burst + 1


@pytest.mark.parametrize("room", ["short", "A" * 32, "1" * 32, "a" * 33])
async def test_a_room_that_cannot_be_meant_is_refused(rendezvous: Rendezvous, room: str) -> None:
    with pytest.raises(InvalidStatus):
        async with seat(rendezvous, room):
            pass


async def test_who_says_nothing_is_cut_and_who_has_a_seat_is_not(impatient: Rendezvous) -> None:
    async with seat(impatient) as seated:
        for said in (b"", b"GET /exo/1/", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", impatient.port)
            writer.write(said)
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await reader.read()
            assert (b'"ok"' in answer) is said.endswith(b"\r\n\r\n")
            writer.close()
        await seated.ping()
        assert impatient.rooms.seats == 1
    await impatient.until_seated(0)


async def test_silent_connections_give_way_to_who_wants_a_seat(crowded: Rendezvous) -> None:
    visits = crowded.rooms.limits.visits
    silent = [await asyncio.open_connection("127.0.0.1", crowded.port) for _ in range(visits)]
    await until(lambda: crowded.visits == visits)
    async with seat(crowded):
        assert await silent[0][0].read() == b"", "the first of them had to go"
        assert crowded.visits == visits - 1
    for _, writer in silent:
        writer.close()
    await until(lambda: crowded.visits == 0)


async def test_hands_of_tls_that_are_not_shaken_are_let_go(impatient_over_tls: Rendezvous) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient_over_tls.port)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await reader.read() == b""
    writer.close()


def test_a_rendezvous_keeps_below_what_the_system_lets_it_have_open() -> None:
    for descriptors in (70, 256, 1024, 4096, 65536):
        limits = limits_within(descriptors)
        assert limits.seats >= 1
        assert limits.visits >= 1
        assert limits.seats + limits.visits < max(descriptors, 80)
    assert limits_within(10**6).seats == Limits().seats


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("a proxy that says nothing", "a proxy that says nothing"),
    ],
)
def test_a_home_is_one_source_however_many_addresses_it_has(host: str, source: str) -> None:
    assert source_of(host) == source


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
    full = Rooms(Limits(seats=1))
    _ = full.enter("a", "one", 0.0)
    with pytest.raises(RoomFull, match="all seats are taken"):
        _ = full.enter("b", "two", 0.0)


def test_who_does_not_listen_misses_what_is_said_and_holds_up_nobody() -> None:
    rooms = Rooms(Limits(unheard=3))
    speaker, deaf = rooms.enter("a", "one", 0.0), rooms.enter("a", "two", 0.0)
    for number in range(10):
        rooms.say(speaker, bytes([number]))
    assert deaf.unheard.qsize() == 3


def test_a_rate_is_kept_after_the_burst() -> None:
    seat_taken = Rooms(Limits(burst=2, messages_per_second=1)).enter("a", "one", 0.0)
    assert [seat_taken.may_speak(at) for at in (0.0, 0.0, 0.1, 2.1, 2.2)] == [True, True, False, True, False]
