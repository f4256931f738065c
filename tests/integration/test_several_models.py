"""Several models on one machine: what the first one's caches were lent is there for the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from exo_core.testing.node_process import JsonObject, NodeProcess

MakeNode = Callable[..., NodeProcess]
Greedy = Callable[..., str]


def preview(node: NodeProcess) -> JsonObject:
    """Where the embedded model would go now, or why not."""
    return cast("list[JsonObject]", node.get("/instance/previews?model_id=tiny"))[0]


def test_a_model_fits_three_times_where_there_is_memory_for_three(make_node: MakeNode, greedy: Greedy) -> None:
    """The first is lent half of what it leaves, more than a third one finds then."""
    node = make_node("alpha").start()
    node.place("tiny")
    said = greedy(node, "tiny", "Once upon a time")
    (reserved,) = cast("dict[str, int]", preview(node)["memory_bytes"]).values()
    node.stop()
    node.start("--max-memory", f"{reserved * 34 // 10**7 + 1}MB")
    for _ in range(2):
        node.place("tiny")
    assert greedy(node, "tiny", "Once upon a time") == said
    statuses = [instance["status"] for instance in cast("dict[str, JsonObject]", node.state["instances"]).values()]
    assert statuses == ["ready"] * 3
    assert "free for models" in cast("str", preview(node)["error"])
