# ruff: noqa: ANN401 - a patch takes whatever the function takes whose place it is in
"""Faults planted in the protocol, to see that the checks of the simulation would find them.

Each takes one rule away. Without other faults a cluster gets along without it; in a storm some seed shows what the rule
is for. A mutant that no seed catches means that the simulation does not test its rule.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast

from exo_core.control_plane import ledger as ledger_module
from exo_core.control_plane.commanding import Commanding
from exo_core.control_plane.following import Following
from exo_core.control_plane.leading import Leading
from exo_core.control_plane.ledger import Ledger
from exo_core.control_plane.messages import Probe, Replicate
from exo_core.control_plane.running_sum import RunningSum
from exo_core.election import election as election_module
from exo_core.election.election import Election
from exo_core.event_logs import Snapshot
from exo_core.identifiers import NO_EPOCH, BootId, Epoch, NodeId, Origin
from exo_core.state.events import Entry, FactId, Offer
from exo_core.state.plan import Action, LocalRunners, StopRunner
from exo_core.state.state import State
from exo_core.testing.simulation import worker as worker_module
from exo_core.testing.simulation.disk import VirtualDisk

Patch = tuple[object, str, object]
"""Where, which name, and what is there instead."""

# Any: a patch takes the place of a function of its own signature, which a table of them cannot say.
_Function = Callable[..., Any]


def _whole(owner: object, name: str) -> _Function:
    """What is there as long as nothing is planted."""
    return cast("_Function", getattr(owner, name))


_AFTER_CUT = _whole(ledger_module, "after_cut")
_SNAPSHOT_OF = _whole(ledger_module, "snapshot_of")
_RECEIVE = _whole(Following, "receive")
_COMPACT = _whole(Ledger, "compact")
_OPEN = _whole(VirtualDisk, "open")
_JUDGE = _whole(Leading, "judge")
_PLAN = _whole(worker_module, "plan")


def _forgetful(cut: Iterable[Entry], outbox: Sequence[Offer]) -> Sequence[Offer]:
    del cut
    return outbox


def _unchecked(self: Following, frame: Replicate) -> object:
    ledger = cast("Ledger", vars(self)["_ledger"])
    chain = ledger.chain_at(frame.previous.index) or frame.previous.chain
    return _RECEIVE(self, frame.model_copy(update={"previous": Probe(index=frame.previous.index, chain=chain)}))


def _late(self: Following, frame: Replicate) -> object:
    """A frame counts whenever it comes."""
    vars(self)["_newest"] = (NO_EPOCH, 0)
    return _RECEIVE(self, frame)


def _trustful(self: Following, frame: Replicate) -> object:
    """What was safe stays so, also where the log was cut and other entries came in its place."""
    before = self.extent
    outcome = cast("tuple[object, ...]", _RECEIVE(self, frame))
    if outcome[1] is not None:
        self.extent = self.extent.grown_by(before)
    return outcome


def _amnesic(self: VirtualDisk) -> VirtualDisk:
    vars(vars(self)["_log"])["_epoch"] = NO_EPOCH
    return cast("VirtualDisk", _OPEN(self))


def _beyond_settled(self: Ledger, at_most: int, everywhere: int, *, at_least: int) -> object:
    del at_most
    return _COMPACT(self, vars(self)["_log"].length, everywhere, at_least=at_least)


def _without_last_seqs(*arguments: Any) -> Snapshot:
    return cast("Snapshot", _SNAPSHOT_OF(*arguments)).model_copy(update={"last_seqs": ()})


def _without_facts(*arguments: Any) -> Snapshot:
    return cast("Snapshot", _SNAPSHOT_OF(*arguments)).model_copy(update={"facts": ()})


def _on_one_disk(
    self: Leading, members: frozenset[NodeId], live: frozenset[NodeId], recent: object, consistency: str
) -> object:
    """Enough as soon as any member is not heard."""
    me = frozenset({cast("NodeId", vars(self)["_me"])})
    alone = not members <= live
    return _JUDGE(self, me if alone else members, me if alone else live, recent, consistency)


def _reckless(state: State, local: LocalRunners) -> tuple[Action, ...]:
    """Whatever the log does not name is stopped, at once, though the log may not be whole."""
    actions = cast("tuple[Action, ...]", _PLAN(state, local))
    stopped = {action.runner_id for action in actions if isinstance(action, StopRunner)}
    strangers = [
        runner.runner_id
        for runner in local.runners.values()
        if runner.instance_id not in state.instances and runner.runner_id not in stopped
    ]
    return (*(StopRunner(runner_id=name, reason="it is not known here") for name in strangers), *actions)


def _with_conclusions(cut: Iterable[Entry], outbox: Sequence[Offer]) -> Sequence[Offer]:
    entries = list(cut)
    return (*cast("Sequence[Offer]", _AFTER_CUT(entries, outbox)), *map(_as_fact, filter(_is_conclusion, entries)))


def _is_conclusion(entry: Entry) -> bool:
    return not isinstance(entry.event_id, FactId)


def _as_fact(entry: Entry) -> Offer:
    """A conclusion offered like a fact, under an origin that is its own."""
    origin = Origin(node_id=entry.epoch.master_id, boot=BootId(int.from_bytes(entry.chain[:7], "big")))
    return Offer(event_id=FactId(origin=origin, seq=1), payload=entry.payload)


def _unfenced(self: Election, sender: NodeId, beat: Any, now: float, standing: Any) -> Iterator[Any]:
    """Any master is followed, of whatever epoch."""
    hidden = cast("Any", self)
    hidden._roster.take(sender, beat, now)
    hidden._see(beat.epoch)
    if beat.leads and not self.leads:
        yield from hidden._follow(beat.epoch)
    elif beat.leads:
        yield from hidden._meet(beat.epoch, beat.followers, now, standing)


def _epoch_as_told(self: Election, epoch: Epoch) -> None:
    hidden = cast("Any", self)
    hidden._store._log._epoch = epoch


def _yes(*_: object, **__: object) -> bool:
    return True


def _no(*_: object, **__: object) -> bool:
    return False


def _nothing(*_: object) -> None: ...


def _no_reason(*_: object) -> str:
    return ""


def _no_offers(*_: object) -> tuple[Offer, ...]:
    return ()


MUTANTS: Mapping[str, tuple[Patch, ...]] = {
    "a rollback drops the outbox": ((ledger_module, "after_cut", _forgetful),),
    "a follower does not compare chains": ((Following, "receive", _unchecked),),
    "overtaken frames are taken": ((Following, "receive", _late),),
    "what is safe before a cut is safe after it": ((Following, "receive", _trustful),),
    "facts are taken however often they are offered": ((RunningSum, "lacks", _yes),),
    "old masters are followed": ((Election, "_on_heartbeat", _unfenced), (Election, "_raise_epoch", _epoch_as_told)),
    "votes are given to anybody": ((election_module, "refusal", _no_reason),),
    "the epoch is forgotten at a restart": ((VirtualDisk, "open", _amnesic),),
    "a new master forgets its own outbox": ((Commanding, "take_outbox", _nothing),),
    "one disk is enough while a member is silent": ((Leading, "judge", _on_one_disk),),
    "a runner is stopped because the log does not name it": ((worker_module, "plan", _reckless),),
    "conclusions that were cut are offered again": ((ledger_module, "after_cut", _with_conclusions),),
    "members change two at a time": ((Commanding, "_may_change_members", property(_yes)),),
    "a snapshot covers what is not settled": ((Ledger, "compact", _beyond_settled),),
    "a snapshot forgets which facts it covers": ((ledger_module, "snapshot_of", _without_last_seqs),),
    "a snapshot forgets facts that others lack": ((ledger_module, "snapshot_of", _without_facts),),
    "who takes over a snapshot forgets what it knew alone": ((ledger_module, "not_covered", _no_offers),),
    "a snapshot is taken over that makes its taker forget": ((Ledger, "would_forget", _no),),
}


@contextmanager
def planted(name: str) -> Generator[None]:
    """The protocol with that fault, in this process."""
    with ExitStack() as stack:
        for owner, attribute, replacement in MUTANTS[name]:
            stack.callback(setattr, owner, attribute, vars(owner)[attribute])
            setattr(owner, attribute, replacement)
        yield
