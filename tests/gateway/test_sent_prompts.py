"""Where a conversation was before, remembered without its words and within bounds."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import aclosing
from pathlib import Path

from exo_core.gateway.sent_prompts import LONGEST_PROMPT, MOST_REMEMBERED, SentPrompts
from exo_core.identifiers import CommandId, InstanceId, ModelId, RequestId
from exo_core.node.node import Node
from exo_core.placement import PlacementRequest
from exo_core.requests import ChatPrompt, Embed, Generate, Prompt, Sampling, TextPrompt, TokenPrompt
from exo_core.state.commands import PlaceInstance
from exo_core.testing.clusters import MemoryCluster, memory_cluster
from exo_core.testing.echo_model import EchoConfig

PATIENCE_S = 60
A, B = InstanceId("a"), InstanceId("b")


def asked(prompt: Prompt) -> Generate:
    return Generate(request_id=RequestId("r"), prompt=prompt)


def chat(*texts: str, system: str = "") -> Generate:
    """Turns of user and assistant."""
    turns = [(("user", "assistant")[index % 2], text) for index, text in enumerate(texts)]
    messages = ([("system", system)] if system else []) + turns
    return asked(ChatPrompt(messages=tuple({"role": role, "content": text} for role, text in messages)))


def common(sent: SentPrompts, request: Generate, instance_id: InstanceId = A) -> int:
    return sent.common(instance_id, sent.beginnings(request))


def test_the_longest_beginning_that_was_sent_there() -> None:
    sent = SentPrompts()
    sent.sent(A, sent.beginnings(chat("hello")))
    sent.sent(B, sent.beginnings(chat("hello", "hi", "how are you?")))
    following = chat("hello", "hi", "how are you?", "well", "good")
    assert (common(sent, following, A), common(sent, following, B)) == (1, 3)
    assert common(sent, chat("hello", "hi", "who are you?"), B) == 2
    assert common(sent, chat("Hello"), B) == 0
    assert common(sent, chat("hell", "o"), B) == 0, "the borders of messages count"


def test_what_all_conversations_share_does_not_bind_them_to_one_replica() -> None:
    sent = SentPrompts()
    sent.sent(A, sent.beginnings(chat("hello", system="You are kind.")))
    assert common(sent, chat("goodbye", system="You are kind.")) == 0
    assert common(sent, chat("hello", system="You are kind.")) == 1
    assert common(sent, chat("hello", system="You are rude.")) == 0
    assert common(sent, chat("hello")) == 0


def test_tools_stand_before_the_messages() -> None:
    sent = SentPrompts()
    prompt = ChatPrompt(messages=({"role": "user", "content": "hello"},))
    sent.sent(A, sent.beginnings(asked(prompt)))
    assert common(sent, asked(prompt.model_copy(update={"tools": ({"name": "clock"},)}))) == 0


def test_plain_prompts_count_by_blocks() -> None:
    sent = SentPrompts()
    sent.sent(A, sent.beginnings(asked(TextPrompt(text="x" * 2048 + "y"))))
    sent.sent(A, sent.beginnings(asked(TokenPrompt(token_ids=tuple(range(512))))))
    assert common(sent, asked(TextPrompt(text="x" * 2048 + "z"))) == 2
    assert common(sent, asked(TokenPrompt(token_ids=tuple(range(600))))) == 2
    assert common(sent, asked(TokenPrompt(token_ids=(7, *range(600))))) == 0


def test_other_questions_leave_nothing() -> None:
    assert SentPrompts().beginnings(Embed(request_id=RequestId("r"), prompts=(TextPrompt(text="x"),))) == ()


def test_what_was_used_longest_ago_is_forgotten_and_nothing_grows() -> None:
    sent = SentPrompts(most=10)
    for turn in range(5):
        sent.sent(A, sent.beginnings(chat(f"first {turn}", "x")))
    sent.sent(A, sent.beginnings(chat("first 0", "x")))
    sent.sent(A, sent.beginnings(chat("another", "x")))
    assert common(sent, chat("first 0", "x")) == 2
    assert common(sent, chat("first 1", "x")) == 0
    tracemalloc.start()
    whole = SentPrompts()
    for turn in range(2 * MOST_REMEMBERED // LONGEST_PROMPT):
        whole.sent(A, whole.beginnings(chat(*(f"{turn} {index}" for index in range(2 * LONGEST_PROMPT)))))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 6e6


def test_no_word_is_kept() -> None:
    sent = SentPrompts()
    sent.sent(A, sent.beginnings(chat("very private words")))
    assert "private" not in repr(vars(sent))
    assert SentPrompts().beginnings(chat("hello")) != SentPrompts().beginnings(chat("hello")), "keyed"


def replica_at_work(node: Node) -> InstanceId | None:
    """The instance of which a runner is busy, as its node tells."""
    runners = [runner for told in node.telemetry.nodes.values() for runner in told.runners]
    return next((runner.instance_id for runner in runners if runner.status == "busy"), None)


async def answered_by(node: Node, model: ModelId, request: Generate) -> InstanceId:
    """Who is at work on a long request that nothing else is beside."""
    async with asyncio.timeout(PATIENCE_S), aclosing(node.generate(long(request), model)) as answers:
        await anext(answers)
        while (found := replica_at_work(node)) is None:  # noqa: ASYNC110 - telemetry comes when it comes
            await asyncio.sleep(0.02)
    await idle(node)
    return found


def long(request: Generate) -> Generate:
    """The same, of more tokens than anybody waits for."""
    return request.model_copy(update={"max_tokens": 2000, "sampling": Sampling(ignore_eos=True)})


async def test_a_conversation_goes_back_to_its_replica(tmp_path: Path) -> None:
    async with memory_cluster(2, tmp_path, echo=EchoConfig(seconds_per_token=0.02)) as two:
        node, model = two.nodes[0], two.model
        await place_on_each(two)
        first, second = long(chat("one")), long(chat("two")).model_copy(update={"request_id": RequestId("s")})
        async with aclosing(node.generate(first, model)) as answers:
            await anext(answers)
            async with aclosing(node.generate(second, model)) as others:  # the other one, for the first is busy
                await anext(others)
        await idle(node)
        homes = [await answered_by(node, model, chat(text, "yes", "go on")) for text in ("one", "two", "one", "two")]
        assert homes == homes[:2] * 2
        assert set(homes) == {A, B}


async def place_on_each(cluster: MemoryCluster) -> None:
    """The instances a and b of the cluster's model, ready."""
    node = cluster.nodes[0]
    await node.add_model(cluster.model)
    for name, home in zip((A, B), cluster.nodes, strict=True):
        wish = PlacementRequest(instance_id=name, model_id=cluster.model, nodes=(home.node_id,))
        await node.submit(PlaceInstance(command_id=CommandId(f"place {name}"), request=wish))
    async with asyncio.timeout(PATIENCE_S), aclosing(node.changes()) as changes:
        async for _ in changes:
            if all(name in node.state.instances and node.instance_status(name)[0] == "ready" for name in (A, B)):
                return


async def idle(node: Node) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while replica_at_work(node):  # noqa: ASYNC110 - telemetry comes when it comes
            await asyncio.sleep(0.02)
