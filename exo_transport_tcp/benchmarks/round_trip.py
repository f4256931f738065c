"""How long does a small message take there and back over loopback, and how many bytes a second go through?

Two processes, as in real life. Run: `python exo_transport_tcp/benchmarks/round_trip.py [--rounds 5000]`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from typing import Literal

from exo_core.errors import LinkClosed
from exo_core.identity.leaf import node_identity
from exo_core.identity.node_key import NodeKey
from exo_core.identity.secret import ClusterSecret
from exo_core.transports import BlockingLink, Link, Ticket, TransportContext
from exo_transport_tcp.transport import TcpTransport

MEBIBYTE = 1024 * 1024
BULK_MESSAGES = 16
Way = Literal["asyncio", "blocking"]


def transport_of(secret: str) -> TcpTransport:
    """A transport of a new node of that cluster, on loopback."""
    authority = ClusterSecret.from_hex(secret).authority
    return TcpTransport(TransportContext(identity=node_identity(authority, NodeKey.generate()), listen="127.0.0.1:0"))


# the process that answers -------------------------------------------------------------------------------------


async def echo(link: Link) -> None:
    """Send small messages back, and of large ones an empty one."""
    while True:
        message = await link.receive()
        await link.send(message if len(message) < MEBIBYTE else b"")


async def answer_asyncio(secret: str) -> None:
    """Serve until killed."""
    async with transport_of(secret).serve(echo) as listening:
        print(listening.tickets[0], flush=True)
        await asyncio.Event().wait()


def answer_blocking(secret: str) -> None:
    """Serve one link until it ends."""
    listener = transport_of(secret).listen_blocking()
    print(listener.tickets[0], flush=True)
    link = listener.accept()
    with contextlib.suppress(LinkClosed):
        while link:
            message = link.receive() or b""
            link.send(message if len(message) < MEBIBYTE else b"")


# the process that asks ----------------------------------------------------------------------------------------


async def ask_asyncio(secret: str, ticket: Ticket, payload: bytes, rounds: int) -> list[float]:
    """Seconds of each round trip."""
    link = await transport_of(secret).connect(ticket)
    seconds: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await link.send(payload)
        _ = await link.receive()
        seconds.append(time.perf_counter() - begun)
    await link.close()
    return seconds


def ask_blocking(secret: str, ticket: Ticket, payload: bytes, rounds: int) -> list[float]:
    """Seconds of each round trip."""
    link: BlockingLink = transport_of(secret).connect_blocking(ticket)
    seconds: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        link.send(payload)
        _ = link.receive()
        seconds.append(time.perf_counter() - begun)
    link.close()
    return seconds


def measured(way: Way, payload: bytes, rounds: int) -> list[float]:
    """Round trips to a fresh process."""
    secret = ClusterSecret.generate().reveal().hex()
    command = [sys.executable, __file__, "--answer", way]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        if other.stdin is None or other.stdout is None:
            raise RuntimeError
        print(secret, file=other.stdin, flush=True)
        ticket = Ticket(other.stdout.readline().strip())
        if way == "asyncio":
            seconds = asyncio.run(ask_asyncio(secret, ticket, payload, rounds))
        else:
            seconds = ask_blocking(secret, ticket, payload, rounds)
        other.kill()
    return seconds


def report(way: Way, rounds: int) -> None:
    """Print one way's figures."""
    for size in (32, 4096, 65536):
        quantiles = statistics.quantiles(measured(way, bytes(size), rounds)[rounds // 10 :], n=100)
        print(f"{way:9} {size:6} B  p50 {quantiles[49] * 1e6:6.1f} µs  p99 {quantiles[98] * 1e6:6.1f} µs", flush=True)
    for size in (1, 64):
        payload = bytes(size * MEBIBYTE)
        best = min(measured(way, payload, BULK_MESSAGES))
        print(f"{way:9} {size:6} MiB  best {size * MEBIBYTE / best / 1e6:6.0f} MB/s", flush=True)


def main() -> None:
    """Ask, or with `--answer` be the process that is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    _ = parser.add_argument("--rounds", type=int, default=5000)
    _ = parser.add_argument("--answer", choices=["asyncio", "blocking"])
    options = parser.parse_args()
    if options.answer == "asyncio":
        asyncio.run(answer_asyncio(input()))
    elif options.answer == "blocking":
        answer_blocking(input())
    else:
        for way in ("asyncio", "blocking"):
            report(way, options.rounds)


if __name__ == "__main__":
    main()
