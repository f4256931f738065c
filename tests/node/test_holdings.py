"""What the log says of a node's disk follows what lies there, and nothing is said twice."""

from __future__ import annotations

from exo_core.identifiers import BootId, ModelId, NodeId
from exo_core.node.holdings import missing_reports
from exo_core.state.apply import apply_all
from exo_core.state.events import DownloadFinished, DownloadLost, ModelAdded, NodeStarted
from exo_core.state.state import State
from exo_core.testing.models import model_with_layers

NODE, MODEL = NodeId("a"), ModelId("m")


def added(revision: str) -> ModelAdded:
    manifest, card = model_with_layers(MODEL, 2)
    return ModelAdded(manifest=manifest.model_copy(update={"revision": revision}), card=card)


def state(*events: ModelAdded | DownloadFinished) -> State:
    return apply_all(State(), [NodeStarted(node_id=NODE, boot=BootId(1), name="A", version="1"), *events])


HAS_1 = DownloadFinished(node_id=NODE, model_id=MODEL, revision="1")


def test_what_lies_here_is_reported_once() -> None:
    assert list(missing_reports(state(added("1")), NODE, {MODEL: "1"})) == [HAS_1]
    assert list(missing_reports(state(added("1"), HAS_1), NODE, {MODEL: "1"})) == []


def test_what_does_not_lie_here_is_not_reported() -> None:
    assert list(missing_reports(state(added("1")), NODE, {})) == []


def test_what_is_gone_is_taken_back_once() -> None:
    before = state(added("1"), HAS_1)
    (lost,) = missing_reports(before, NODE, {})
    assert lost == DownloadLost(node_id=NODE, model_id=MODEL)
    after = apply_all(before, [lost])
    assert after.downloads == {}
    assert list(missing_reports(after, NODE, {})) == []


def test_another_revision_in_the_catalogue_makes_the_old_one_worthless() -> None:
    assert list(missing_reports(state(added("1"), HAS_1, added("2")), NODE, {})) == [
        DownloadLost(node_id=NODE, model_id=MODEL)
    ]
    assert list(missing_reports(state(added("1"), HAS_1, added("2")), NODE, {MODEL: "2"})) == [
        DownloadFinished(node_id=NODE, model_id=MODEL, revision="2")
    ]


def test_a_node_that_is_no_member_says_nothing() -> None:
    assert list(missing_reports(state(added("1")), NodeId("stranger"), {MODEL: "1"})) == []
