"""How do two nodes introduce themselves over a fresh link? The handshake with its waiting, and nothing else."""

from __future__ import annotations

import asyncio
from typing import final

from exo_core.errors import ConnectError, LinkClosed, WireError
from exo_core.transports import Link
from exo_core.wire.handshake import Handshake
from exo_core.wire.hello import Hello, Judge, Refusal, RefusalCode


@final
class Refused(ConnectError):
    """One of the two will not have this link; `refusal` says who and why, `name` how the other is called."""

    def __init__(self, handshake: Handshake) -> None:
        assert handshake.refusal is not None, "a handshake that met nobody was refused"  # noqa: S101 - the table says so
        super().__init__(handshake.refusal.reason)
        self.refusal: Refusal = handshake.refusal
        self.by_us = handshake.refused_by_us
        self.name = handshake.name


async def introduce(link: Link, own: Hello, judge: Judge, timeout: float) -> Hello:
    """The dialler's side: say Hello, return the other's. Raises `Refused`, `ConnectError` for silence and nonsense."""
    handshake = Handshake("dialler", own=own, proven=link.peer.node_id, judge=judge)
    async with _Patience(link, timeout):
        await link.send(handshake.begin())
        answer = handshake.receive(await link.receive())
        return await _outcome(link, handshake, answer)


@final
class Visitor:
    """The acceptor's side, in two steps, since between them it is decided which of several links is kept."""

    def __init__(self, link: Link, own: Hello, judge: Judge, timeout: float) -> None:
        self._link = link
        self._timeout = timeout
        self._handshake = Handshake("acceptor", own=own, proven=link.peer.node_id, judge=judge)

    async def heard(self) -> Hello:
        """The other side's Hello. Raises like `introduce`."""
        async with _Patience(self._link, self._timeout):
            answer = self._handshake.receive(await self._link.receive())
            return await _outcome(self._link, self._handshake, answer)

    async def welcome(self, link_number: int) -> None:
        """Say yes."""
        async with _Patience(self._link, self._timeout):
            await self._link.send(self._handshake.welcome(link_number))

    async def refuse(self, code: RefusalCode, reason: str) -> Refused:
        """Say no; the error to raise for it."""
        async with _Patience(self._link, self._timeout):
            await self._link.send(self._handshake.refuse(code, reason))
        return Refused(self._handshake)


async def _outcome(link: Link, handshake: Handshake, answer: bytes | None) -> Hello:
    if answer is not None:
        await link.send(answer)
    if handshake.other is None:
        raise Refused(handshake)
    return handshake.other


@final
class _Patience:
    """Bounds a step of an introduction, and gives what goes wrong in it one name."""

    def __init__(self, link: Link, timeout: float) -> None:
        self._link = link
        self._timeout = asyncio.timeout(timeout)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        peer = f"{self._link.peer.node_id} at {self._link.address}"
        try:
            await self._timeout.__aexit__(kind, error, None)
        except TimeoutError:
            message = f"{peer} did not introduce itself in time"
            raise ConnectError(message) from None
        if isinstance(error, LinkClosed):
            message = f"{peer} closed the link before it introduced itself"
            raise ConnectError(message) from error
        if isinstance(error, WireError):
            message = f"{peer} does not speak exo's wire format: {error}"
            raise ConnectError(message) from error
