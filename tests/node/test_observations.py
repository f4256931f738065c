"""What `exo_observe` hears of the life of a small cluster."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

from exo_core.hookspecs import hookimpl
from exo_core.identifiers import RequestId
from exo_core.observations import Observation
from exo_core.requests import Chunk, Generate, TextPrompt
from exo_core.testing.clusters import memory_cluster


class Witness:
    """A plugin of both nodes."""

    def __init__(self) -> None:
        self.heard: list[Observation] = []

    @hookimpl
    def exo_observe(self, observation: Observation) -> None:
        self.heard.append(observation)

    def of(self, subject: str) -> list[str]:
        """The kinds of what was said of a subject, in order."""
        return [told.kind for told in self.heard if told.subject == subject]


async def test_links_masters_runners_and_requests_are_told(tmp_path: Path) -> None:
    witness = Witness()
    async with memory_cluster(2, tmp_path, plugins={"witness": witness}) as two:
        first, second = two.nodes
        request = Generate(request_id=RequestId("r"), prompt=TextPrompt(text="one two"), max_tokens=4)
        async with aclosing(first.generate(request, two.model)) as answers:
            tokens = [answer async for answer in answers if isinstance(answer, Chunk)]
        (instance,) = first.state.instances.values()
        assert instance.placement is not None
        runners = [shard.runner_id for shard in instance.placement.shards]
    assert witness.of("r") == ["request_started", "request_first_token", "request_finished"]
    assert all(witness.of(runner_id) == ["runner_ready"] for runner_id in runners)
    assert "link_up" in witness.of(second.node_id)
    assert "link_down" in witness.of(second.node_id), "it stopped before the first"
    assert "master_changed" in [told.kind for told in witness.heard]
    finished = next(told for told in witness.heard if told.kind == "request_finished")
    assert (finished.count, finished.detail) == (len(tokens), "")
