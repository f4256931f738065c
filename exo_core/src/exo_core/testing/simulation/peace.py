"""After a storm: how a cluster comes to rest, and what must hold once it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from exo_core.control_plane.participant import Participant
from exo_core.control_plane.trouble import APART
from exo_core.log.payloads import decode_event
from exo_core.state.events import Event, ExtensionChanged, FactId, InstanceDeleted, InstanceRequested
from exo_core.state.plan import assignments_of
from exo_core.state.state import Instance, State
from exo_core.testing.simulation.cluster import VirtualCluster
from exo_core.testing.simulation.held_facts import fact_key
from exo_core.testing.simulation.process import VirtualProcess
from exo_core.testing.simulation.violations import Violation

LOOK_S = 0.25
CONVERGED_S = 30.0
"""After the last fault ended, all nodes have one log within this time."""
FULFILLED_S = 60.0
"""And every wish is fulfilled, or said to wait, within this."""
QUIET_S = 20.0
IDLE_S = 3.0
"""Soon nothing is written any more: within `QUIET_S` there are so many seconds without an entry."""


@final
class Peace:
    """Of a cluster on which no fault acts any more. `trusted`: no node's state was made wrong in the storm.

    `order_is_final`: whether what was acknowledged must stand where it stood then, as `majority` promises.
    `may_be_apart`: whether a loss was accepted by now, so that two histories may be left which cannot become one.
    """

    def __init__(
        self, cluster: VirtualCluster, *, trusted: bool, order_is_final: bool, may_be_apart: Callable[[], bool]
    ) -> None:
        self._cluster = cluster
        self._trusted = trusted
        self._order_is_final = order_is_final
        self._may_be_apart = may_be_apart
        self.given_up = 0
        """Machines whose history had to go."""

    def converge(self) -> float:
        """Run until there is one master and one log; the seconds that took."""
        return self._run_until(self._not_yet_one, CONVERGED_S)

    def fulfil(self) -> float:
        """Run until every wish is fulfilled or waits, and its runners run; the seconds that took."""
        return self._run_until(self._not_yet_fulfilled, FULFILLED_S)

    def check(self) -> None:
        """Everything that must hold now. Raises `Violation`."""
        self._run_until(self._still_writes, QUIET_S)
        self._check_states()
        self._check_promises(self._one().state)
        if self._order_is_final and not self._may_be_apart() and self.reordered():
            raise Violation(promise="reordered", what=f"{self.reordered()} facts stand later than acknowledged")

    def reordered(self) -> int:
        """How many acknowledged facts stand later than the log's end, as it was when they were acknowledged.

        (Up to there the log was safe: the fact stood there, or before it where a command had nothing more to record.)
        """
        log, promises = self._cluster.node(self._cluster.up[0]).log, self._cluster.witness.promises
        moved = 0
        for index, entry in enumerate(log.look(), log.first_index):
            promise = promises.get(fact_key(entry.event_id)) if isinstance(entry.event_id, FactId) else None
            moved += promise is not None and promise.index < index
        return moved

    # coming to rest -----------------------------------------------------------------------------------------

    def _run_until(self, missing: Callable[[], str | None], limit: float) -> float:
        began = self._cluster.now
        while (what := missing()) is not None:
            if self._cluster.now - began > limit:
                raise Violation(promise="stuck", what=f"after {limit:.0f} s of peace {what}")
            self._cluster.run(LOOK_S)
        return self._cluster.now - began

    def _not_yet_one(self) -> str | None:
        self._send_away()
        self._give_up_who_is_apart()
        up = self._cluster.up
        masters = self._cluster.masters()
        if len(masters) != 1:
            roles = {name: self._cluster.present(name).election.role for name in up}
            return f"the masters are {masters} of {roles}"
        if len(self._cluster.chains()) != 1:
            return f"the logs are { {name: self._cluster.present(name).ledger.length for name in up} } long"
        for name in up:
            participant = self._cluster.present(name)
            if name not in participant.state.members:
                return f"{name} is no member"
            if participant.ledger.outbox:
                return f"{name} has facts in its outbox: {[offer.event_id for offer in participant.ledger.outbox][:3]}"
            if participant.trouble is not None or participant.is_installing:
                return f"{name} is in trouble: {participant.trouble}"
        return None

    def _still_writes(self) -> str | None:
        chain = self._one().ledger.chain
        self._cluster.run(IDLE_S)
        return self._not_yet_one() or ("it goes on writing" if self._one().ledger.chain != chain else None)

    def _send_away(self) -> None:
        """A node that left, or was forgotten, and was not told: all others refuse it, so it will hear it at last."""
        for up in self._cluster.up:  # not only masters: whoever knows refuses it, and it ends when it is told so
            if up not in self._cluster.up or up in self._cluster.present(up).state.left:
                continue  # one that left itself sends nobody away
            for name in self._cluster.present(up).state.left:
                if not self._cluster.nodes[name].retired and name != up:
                    self._cluster.retire(name)

    def _give_up_who_is_apart(self) -> None:
        """People do what they are told: the shorter history goes, and with it what no other holds."""
        for name in self._cluster.up if self._may_be_apart() else ():
            participant = self._cluster.present(name)
            if participant.trouble == APART and participant.election.master_id in self._cluster.up:
                pair = (name, str(participant.election.master_id))
                self.given_up += 1
                self._cluster.retire(min(pair, key=lambda each: self._cluster.present(each).ledger.length))
                return

    def _not_yet_fulfilled(self) -> str | None:
        unrest = self._not_yet_one()
        if unrest is not None:
            return unrest
        if self._cluster.open_commands:
            return f"{self._cluster.open_commands} commands are not answered"
        state = self._one().state
        for node_id, member in state.members.items():
            if member.dead == (node_id in self._cluster.up):
                return f"{node_id} is {'not ' * (not member.dead)}taken for dead"
        for name, instance in state.instances.items():
            if instance.waiting is None and not _has_place(state, instance):
                return f"{name} has no place"
        for name in self._cluster.up:
            unlike = _unlike_the_log(self._cluster.process(name), state)
            if unlike is not None:
                return f"{unlike} on {name}"
        return None

    def _one(self) -> Participant:
        return self._cluster.present(self._cluster.up[0])

    # what must hold -----------------------------------------------------------------------------------------

    def _check_states(self) -> None:
        right = self._cluster.witness.state_at(self._one().ledger.chain) if self._trusted else self._one().state
        for name in self._cluster.up:
            if self._cluster.present(name).state != right:
                raise Violation(promise="diverged", what=f"the state of {name} is not what its log amounts to")

    def _check_promises(self, state: State) -> None:
        disk = self._cluster.node(self._cluster.up[0]).log
        for promise in self._cluster.witness.promises.values():
            if not promise.survivors:
                continue
            event = decode_event(promise.payload)
            holders = [holder.node_id for holder in promise.holders]
            if not disk.facts.logged(promise.key):
                raise Violation(promise="lost", what=f"{event}, acknowledged on {holders}, is in no log")
            if event is not None and not _shows(state, event):
                raise Violation(promise="lost", what=f"{event}, acknowledged on {holders}, is in no state")


def _has_place(state: State, instance: Instance) -> bool:
    """On nodes that live; after a while the instance is placed anew, or said to wait."""
    if instance.placement is None:
        return False
    members = [state.members.get(shard.node_id) for shard in instance.placement.shards]
    return all(member is not None and not member.dead for member in members)


def _unlike_the_log(process: VirtualProcess, state: State) -> str | None:
    """What runs here and should not, or should and does not, or is not known of."""
    node_id = process.node_id
    wanted = {assignment.shard.runner_id for assignment in assignments_of(state, node_id)}
    failed = {name for name, record in state.runners.items() if not record.ready and record.node_id == node_id}
    running = process.worker.runners
    if not wanted - failed <= running.keys() <= wanted:
        return f"runners {sorted(running)} run, {sorted(wanted)} are wanted"
    unknown = [name for name in running if name not in state.runners]
    return f"runners {unknown} have not reported" if unknown else None


def _shows(state: State, event: Event) -> bool:
    """Whether a state shows what the event did, unless a later one changed it."""
    match event:
        case ExtensionChanged():
            return state.extensions.get(event.plugin, {}).get(event.key) == event.value
        case InstanceRequested():
            return event.request.instance_id in state.instances or event.request.instance_id in state.deleted
        case InstanceDeleted():
            return event.instance_id in state.deleted
        case _:
            return True
