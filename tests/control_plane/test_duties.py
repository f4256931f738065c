"""What a master concludes from what it saw, and since when."""

from __future__ import annotations

from exo_core.built_in import built_in_plugins
from exo_core.control_plane.duties import Duties
from exo_core.control_plane.inputs import ReachableNow, Received, Tick
from exo_core.control_plane.messages import OfferFacts
from exo_core.control_plane.participant import Participant
from exo_core.election.messages import Heartbeat, LogMark
from exo_core.election.standing import Myself
from exo_core.identifiers import NO_EPOCH, BootId, NodeId, Origin
from exo_core.log.memory_log import MemoryLog
from exo_core.log.payloads import encode_event
from exo_core.placement import Topology
from exo_core.plugins.manager import Plugins
from exo_core.state.apply import reducer_fingerprint
from exo_core.state.events import FactId, NodeJoined, NodeStarted, Offer
from exo_core.testing.seeded_rng import SeededRng

ME, OTHER = NodeId("a"), NodeId("b")
REACHABLE = frozenset({OTHER})


def heartbeat() -> Heartbeat:
    """The first one of a node that has just started and knows nothing."""
    mark = LogMark(length=0, chain=b"", last_epoch=NO_EPOCH, settled=0, safe=0)
    return Heartbeat(
        boot=BootId(2),
        epoch=NO_EPOCH,
        leads=False,
        follows=False,
        followers=0,
        priority=0,
        mark=mark,
        reducers=reducer_fingerprint(),
        heard=(),
    )


def leading() -> tuple[Participant, Duties]:
    """The founder of a cluster, ten seconds after it took the lead; it reaches another node all the time."""
    master = Participant(
        myself=Myself(node_id=ME, boot=BootId(1)), name="A", log=MemoryLog(), rng=SeededRng(1), now=0.0, creator=True
    )
    plugins = Plugins(built_in=built_in_plugins(), points=[])
    duties = Duties(node_id=ME, rules=plugins, nodes={}, measure=lambda: Topology(nodes=(), links=()))
    for tick in range(200):
        master.handle([Tick(), ReachableNow(REACHABLE)], tick / 20)
        assert duties.look(master, REACHABLE, tick / 20) is None
    assert master.election.leads
    return master, duties


def test_a_node_in_reach_becomes_a_member_when_it_is_heard_and_is_not_taken_for_dead() -> None:
    """A slow starter is reachable long before its first heartbeat."""
    master, duties = leading()
    master.handle([Received(OTHER, heartbeat())], 10.0)
    concluded = duties.look(master, REACHABLE, 10.0)
    assert concluded is not None
    assert concluded.facts == (NodeJoined(node_id=OTHER, name="b"),)
    master.handle([concluded], 10.0)
    assert duties.look(master, REACHABLE, 10.05) is None


def test_a_newcomer_whose_facts_come_before_its_first_heartbeat_is_not_taken_for_dead() -> None:
    master, duties = leading()
    started = NodeStarted(node_id=OTHER, boot=BootId(2), name="B", version="0.1.0")
    fact_id = FactId(origin=Origin(node_id=OTHER, boot=BootId(2)), seq=1)
    offers = (Offer(event_id=fact_id, payload=encode_event(started)),)
    master.handle([Received(OTHER, OfferFacts(offers=offers))], 10.0)
    assert OTHER in master.state.members
    assert duties.look(master, REACHABLE, 10.05) is None
    assert duties.look(master, REACHABLE, 12.0) is not None, "it fell silent"
