"""How long does a node's log take to replay, and how many events a second does it take?

A history as a cluster of eight has it: machines start, models come, instances are wished, placed, loaded and deleted.
Run: `python exo_core/benchmarks/log_speed.py [--events 20000] [--folder DIR]` (a folder on the disk to be measured).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from exo_core.control_plane.ledger import Ledger
from exo_core.identifiers import BootId, Epoch, InstanceId, ModelId, NodeId, Origin, PlacementId, RunnerId
from exo_core.log.sqlite_log import SqliteLog
from exo_core.placement import Placement, PlacementRequest, Shard
from exo_core.state.events import (
    ClusterCreated,
    DownloadFinished,
    Event,
    InstanceDeleted,
    InstancePlaced,
    InstanceRequested,
    ModelAdded,
    NodeFactsGathered,
    NodeJoined,
    NodeStarted,
    RunnerReady,
)
from exo_core.testing.models import model_with_layers

NODES = [NodeId(f"node{number:022d}") for number in range(8)]
MODELS = [ModelId(f"organization/a-model-of-some-size-{number}") for number in range(30)]
LIVE_INSTANCES = 12
BOOT = BootId(2**62)
EPOCH = Epoch(term=3, master_id=NODES[0])
BATCHES = (1, 16, 256)


def history() -> Iterator[Event]:
    """Without end."""
    yield ClusterCreated()
    for node in NODES:
        yield NodeJoined(node_id=node, name=f"the machine {node}")
        yield NodeStarted(node_id=node, boot=BOOT, name=f"the machine {node}", version="0.1.0")
        facts = {"machine": {"chip": "some chip", "interfaces": ["en0", "lo0"], "disk_free": 2**40}}
        yield NodeFactsGathered(
            node_id=node, memory_total=2**37, backends=("mlx",), transports=("tcp",), facts={**facts}
        )
    for model in MODELS:
        manifest, card = model_with_layers(model, 32)
        yield ModelAdded(manifest=manifest, card=card)
    for number in count():
        yield from _instance(number)


def _instance(number: int) -> Iterator[Event]:
    """An instance over two nodes, and the end of an older one."""
    name, model = InstanceId(f"instance-{number:08d}"), MODELS[number % len(MODELS)]
    nodes = (NODES[number % len(NODES)], NODES[(number + 1) % len(NODES)])
    shards = tuple(
        Shard(
            runner_id=RunnerId(f"{name}.{stage}"),
            node_id=node,
            stage=stage,
            stages=2,
            start_layer=16 * stage,
            end_layer=16 * stage + 16,
        )
        for stage, node in enumerate(nodes)
    )
    placement = Placement(
        placement_id=PlacementId(f"{number:017d}"), parallel="pipeline", backend="mlx", shards=shards, kv_tokens=4096
    )
    yield InstanceRequested(request=PlacementRequest(instance_id=name, model_id=model))
    yield InstancePlaced(instance_id=name, placement=placement)
    for shard in shards:
        yield DownloadFinished(node_id=shard.node_id, model_id=model, revision=f"{number:040x}")
        yield RunnerReady(runner_id=shard.runner_id, instance_id=name, node_id=shard.node_id, boot=BOOT)
    if number >= LIVE_INSTANCES:
        yield InstanceDeleted(instance_id=InstanceId(f"instance-{number - LIVE_INSTANCES:08d}"))


def write(folder: Path, events: int, batch: int) -> float:
    """Seconds for that many events, each batch of them staged and on the disk before the next begins."""
    log = SqliteLog(folder)
    ledger = Ledger(log)
    origin = Origin(node_id=NODES[0], boot=BOOT)
    happening = islice(history(), events)
    begun = time.perf_counter()
    while several := list(islice(happening, batch)):
        for event in several:
            if isinstance(event, InstancePlaced):
                ledger.stage_derived(EPOCH, ledger.length + 1, event)
            else:
                ledger.stage_fact(EPOCH, origin, event)
        ledger.commit()
    seconds = time.perf_counter() - begun
    log.close()
    return seconds


def replay(folder: Path) -> tuple[float, float]:
    """Seconds to open the log, every row checked, and to sum it up."""
    begun = time.perf_counter()
    log = SqliteLog(folder)
    opened = time.perf_counter()
    Ledger(log)
    done = time.perf_counter()
    log.close()
    return opened - begun, done - opened


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        for batch in BATCHES:
            events = options.events if batch == BATCHES[-1] else min(options.events, 500 * batch)
            seconds = write(Path(name) / str(batch), events, batch)
            print(
                f"{events:6,} events in batches of {batch:3}: {seconds:6.2f} s, "
                f"{events / seconds:7,.0f} events/s sustained"
            )
        for _ in range(3):
            opened, summed = replay(Path(name) / str(BATCHES[-1]))
            print(
                f"{options.events:6,} events replay in {opened + summed:.2f} s (checked {opened:.2f}, sum {summed:.2f})"
            )


if __name__ == "__main__":
    main()
