"""How long from `exo run --join CODE` on a new machine to the first token that it serves? Over WebRTC, and over TCP.

Two nodes on this machine, by turns over each of the two; the first holds the model `tiny` already. The second joins
by a code (over WebRTC: at a rendezvous), and is asked at once and until it answers: first for the model that the other
has, then for one whose stages lie on both. Seconds since `--join`, medians and ranges.
Run: `python exo_transport_webrtc/benchmarks/join_time.py [--turns 3]`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from exo_core.cli.documents import as_object
from exo_core.testing.node_process import NodeProcess, eventually
from exo_core.testing.reliability.recorded_stream import RecordedStream
from exo_rendezvous.testing.rendezvous_process import rendezvous_process

TRANSPORTS = ("webrtc", "tcp")
STEPS = ("serves", "is linked", "first token of the other's", "first token over both")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    _ = parser.add_argument("--turns", type=int, default=3)
    turns = int(parser.parse_args().turns)
    taken: dict[str, list[list[float]]] = {transport: [] for transport in TRANSPORTS}
    for _ in range(turns):
        for transport in TRANSPORTS:
            with rendezvous_process() as url, tempfile.TemporaryDirectory() as folder:
                taken[transport].append(_join(transport, url, Path(folder)))
    for transport, rows in taken.items():
        for step, seconds in zip(STEPS, zip(*rows, strict=True), strict=True):
            print(f"{transport}: {step} {statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})")


def _join(transport: str, rendezvous: str, folder: Path) -> list[float]:
    first, second = (
        NodeProcess(
            folder / name,
            name,
            "--no-discovery",
            "--transport",
            transport,
            environment={"EXO_WEBRTC_RENDEZVOUS": rendezvous} if name == "first" else None,
        )
        for name in ("first", "second")
    )
    try:
        _ = first.start().place("tiny")
        code = first.invite()
        began = time.monotonic()
        second.launch("--join", code)
        second.wait_until_healthy()
        serves = time.monotonic() - began
        eventually(lambda: second.alive_nodes() == ["first", "second"], "they are one cluster")
        linked = time.monotonic() - began
        return [serves, linked, _first_token(second, began), _over_both(first, second, began)]
    finally:
        for node in (second, first):
            node.power_off()


def _first_token(node: NodeProcess, began: float) -> float:
    stream = RecordedStream(node, "What is exo?", tokens=4)
    stream.wait_for_tokens(1)
    at = stream.tokens[0].arrived_at - began
    stream.wait_for_end()
    return at


def _over_both(first: NodeProcess, second: NodeProcess, began: float) -> float:
    for instance in as_object(first.state["instances"]):
        _ = first.exo("remove", instance)
    _ = second.place("tiny", "--min-nodes", "2")
    return _first_token(second, began)


if __name__ == "__main__":
    main()
