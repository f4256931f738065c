"""`apply(state, event)`: what an event changes. Pure and total: what does not fit changes nothing.

The reducers are in `reduce_members`, `reduce_models` and `reduce_instances`, one small function for each event. Whoever
changes what any of them does raises `REDUCERS_VERSION`: hashes of state are compared only between equal fingerprints.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from exo_core.frozen import Frozen
from exo_core.state import events
from exo_core.state.events import Event
from exo_core.state.reduce_instances import (
    instance_deleted,
    instance_placed,
    instance_requested,
    instance_waiting,
    runner_failed,
    runner_ready,
)
from exo_core.state.reduce_members import (
    cluster_created,
    node_alive,
    node_dead,
    node_facts_gathered,
    node_joined,
    node_left,
    node_started,
    reign_began,
)
from exo_core.state.reduce_models import (
    download_finished,
    download_lost,
    extension_changed,
    model_added,
    model_removed,
)
from exo_core.state.state import State

REDUCERS_VERSION = 2

# Any: each reducer takes its own event, which a mapping's type cannot say; a test checks every row.
REDUCERS: Mapping[type[Frozen], Callable[[State, Any], State]] = {
    events.ClusterCreated: cluster_created,
    events.NodeJoined: node_joined,
    events.NodeLeft: node_left,
    events.NodeStarted: node_started,
    events.NodeFactsGathered: node_facts_gathered,
    events.NodeDead: node_dead,
    events.NodeAlive: node_alive,
    events.ReignBegan: reign_began,
    events.ModelAdded: model_added,
    events.ModelRemoved: model_removed,
    events.DownloadFinished: download_finished,
    events.DownloadLost: download_lost,
    events.ExtensionChanged: extension_changed,
    events.InstanceRequested: instance_requested,
    events.InstanceDeleted: instance_deleted,
    events.InstancePlaced: instance_placed,
    events.InstanceWaiting: instance_waiting,
    events.RunnerReady: runner_ready,
    events.RunnerFailed: runner_failed,
}


def apply(state: State, event: Event) -> State:
    """The state after an event."""
    return REDUCERS[type(event)](state, event)


def apply_all(state: State, several: Iterable[Event]) -> State:
    """The state after several events."""
    for event in several:
        state = apply(state, event)
    return state


def reducer_fingerprint() -> str:
    """16 hex digits that differ between versions which reduce differently or know different events."""
    known = ",".join(sorted(str(kind.model_fields["type"].default) for kind in REDUCERS))
    return hashlib.sha256(f"{REDUCERS_VERSION}:{known}".encode()).hexdigest()[:16]
