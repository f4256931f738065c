"""What `exo log` shows fits a terminal where it can, and names who and what."""

from __future__ import annotations

from exo_core.cli.log_lines import line_of
from exo_core.frozen import JsonObject


def entry(event: JsonObject | None) -> JsonObject:
    return {"index": 7, "epoch": {"term": 2, "master_id": "m"}, "event": event}


def test_ids_are_short_and_boots_left_out() -> None:
    line = line_of(entry({"type": "node_dead", "node_id": "abcdefghijklmnopqrstuvwxyz", "boot": 2**60}))
    assert line == "     7  term 2  node_dead            node_id=abcdefgh"


def test_of_a_placement_the_layers_are_shown() -> None:
    shards: list[JsonObject] = [
        {"node_id": "abcdefghijkl", "start_layer": 0, "end_layer": 3},
        {"node_id": "mnopqrstuvwx", "start_layer": 3, "end_layer": 6},
    ]
    placement: JsonObject = {"placement_id": "p", "backend": "mlx", "shards": [*shards]}
    line = line_of(entry({"type": "instance_placed", "instance_id": "i-1", "placement": placement}))
    assert line.endswith("instance_id=i-1 placement_id=p layers=0-2@abcdefgh,3-5@mnopqrst")


def test_big_documents_are_reduced_to_their_ids() -> None:
    manifest: JsonObject = {"model_id": "tiny", "files": [{"path": "x" * 1000}]}
    line = line_of(
        entry(
            {
                "type": "model_added",
                "manifest": {**manifest, "node_id": None},
                "card": {"model_id": "tiny", "layers": 6},
            }
        )
    )
    assert line.endswith("model_added          model_id=tiny")


def test_what_this_version_does_not_know_is_a_line_too() -> None:
    assert "newer version" in line_of(entry(None))


def test_what_lies_between_entries_is_a_line_too() -> None:
    assert line_of({"snapshot": {"index": 3000}}) == "entries 1-3000 are summed up in a snapshot"
    assert line_of({"rollback": {"to": 12}}).startswith("rolled back to 12: ")


def test_what_would_move_the_cursor_is_not_passed_on() -> None:
    line = line_of(entry({"type": "node_joined", "name": "\x1b[2Jevil\nname"}))
    assert "\x1b" not in line
    assert "\n" not in line
