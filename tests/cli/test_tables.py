"""What people and machines call things reaches the terminal as it is, and harmless."""

from __future__ import annotations

import pytest

from exo_core.cli.place_tables import print_previews
from exo_core.cli.status_tables import print_status
from exo_core.frozen import JsonObject, JsonValue

NODE: JsonObject = {
    "name": "[/x] [bold]name",
    "alive": True,
    "version": "0.1.0",
    "memory": {"free": 7.5e9, "total": 16e9},
    "backends": ["mlx"],
    "transports": ["tcp", "webrtc"],
    "role": "follower",
    "log": {"term": 123, "length": 1234567, "lag": 1234, "hash": "0123456789abcdef"},
}
STATE: JsonObject = {
    "node_id": "n1",
    "cluster_id": "c",
    "master": "n1",
    "nodes": {"n1": NODE, "n2": {**NODE, "name": "\x1b[2Jclear", "alive": False, "last_seen_s": 3}},
    "problems": [{"node": "n3", "name": "x", "reason": "x runs exo 0.2.0 (wire 2) " + "and so on " * 12 + "[/red]"}],
    "links": [{"a": "n1", "b": "n2", "transport": "tcp", "address": "[fd00::1]:52416", "round_trip_ms": 0.1}],
    "instances": {"i": {"model_id": "/models/[red]m", "status": "waiting", "detail": "[/] no room", "shards": []}},
}


def test_status_shows_names_and_addresses_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(STATE)
    shown = capsys.readouterr().out
    wanted = ("[/x] [bold]name", "[fd00::1]:52416", "/models/[red]m", "[/] no room", "silent for 3 s")
    for text in (*wanted, "01234567", "1234567", "(wire 2)", "[/red]"):
        assert text in shown
    assert "\x1b" not in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_a_runner_that_downloads_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    shards: list[JsonValue] = [{"runner_id": name, "node_id": "n1", "start_layer": 0, "end_layer": 4} for name in "ab"]
    runners: JsonObject = {
        "a": {"status": "downloading", "done": 340, "total": 1000},
        "b": {"status": "ready", "done": 10, "total": 10},
    }
    instance: JsonObject = {"model_id": "org/m", "status": "loading", "shards": shards}
    print_status({**STATE, "instances": {"i": instance}, "runners": runners})
    shown = capsys.readouterr().out
    assert "downloading 34%" in shown
    assert "ready 100%" not in shown


def test_what_a_stage_says_of_itself_is_shown_once_it_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    shards: list[JsonValue] = [{"runner_id": name, "node_id": "n1", "start_layer": 0, "end_layer": 4} for name in "abc"]
    runners: JsonObject = {
        "a": {"status": "ready", "detail": "sends int8 hidden states: the next stage is reached at 0.2 MB/s"},
        "b": {"status": "ready", "detail": ""},
        "c": {"status": "failed", "detail": "no memory"},
    }
    instance: JsonObject = {"model_id": "org/m", "status": "ready", "shards": shards}
    print_status({**STATE, "instances": {"tiny-1": instance}, "runners": runners})
    shown = capsys.readouterr().out
    *_, last = " ".join(shown.split()).split("failed ")
    assert last == "tiny-1 on [/x] [bold]name sends int8 hidden states: the next stage is reached at 0.2 MB/s"


def test_previews_show_the_model_and_the_reason_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_previews(STATE, [{"min_nodes": 2, "error": "[/b] does not fit"}], "/models/[red]m")
    shown = capsys.readouterr().out
    assert "/models/[red]m" in shown
    assert "[/b] does not fit" in shown
