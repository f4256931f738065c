"""What waits for a slow client goes out together, and nothing of it is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Sequence

from starlette.types import Message

from exo_api_openai.chat_choices import ChatChoices
from exo_api_openai.chunk_writer import ChunkWriter
from exo_api_openai.completion_head import CompletionHead
from exo_api_openai.deltas import merged
from exo_api_openai.streamed_answer import StreamedAnswer
from exo_core.identifiers import RequestId
from exo_core.requests import Accepted, Answer, Chunk
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.scripts import answering, chunks_of

DONE = "data: [DONE]"


def test_tokens_of_a_choice_and_channel_are_joined_in_order() -> None:
    thought = Chunk(choice=1, index=0, token_id=1, text_from=0, text="hm", channel="reasoning")
    one, two = chunks_of(["a", "b"]), chunks_of(["x", "y"], choice=1, finish="length")
    deltas = merged([one[0], thought, two[0], one[1], two[1]])
    shown = [(delta.choice, delta.channel, delta.text, delta.finish) for delta in deltas]
    assert shown == [(0, "content", "ab", "stop"), (1, "reasoning", "hm", None), (1, "content", "xy", "length")]


def contents(sent: Sequence[Message]) -> list[list[str]]:
    """The text of each chunk in each message of an answer's body."""
    bodies = [message["body"].decode() for message in sent if message["type"] == "http.response.body"]
    blocks = [body.removesuffix("\n\n").split("\n\n") for body in bodies if body]
    return [
        [json.loads(block[6:])["choices"][0]["delta"].get("content", "") for block in blocks_of_one if block != DONE]
        for blocks_of_one in blocks
    ]


async def test_a_client_that_is_behind_gets_what_waits_in_one_chunk() -> None:
    """`send` waits, as the server's does when the client's buffers are full, while three more tokens come."""
    gate, produced = asyncio.Event(), asyncio.Event()
    sent: list[Message] = []

    async def answers() -> AsyncGenerator[Answer]:
        yield Accepted(prompt_ids=(1,))
        chunks = chunks_of(["a", "b", "c", "d", "e", "f"])
        yield chunks[0]
        await blocked.wait()
        for chunk in chunks[1:4]:
            yield chunk
        produced.set()
        await gate.wait()
        for chunk in chunks[4:]:
            yield chunk

    blocked = asyncio.Event()

    async def send(message: Message) -> None:
        sent.append(message)
        if contents([message]) == [["a"]]:
            blocked.set()
            await produced.wait()
        if contents([message]) == [["bcd"]]:
            gate.set()

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    head = CompletionHead(request_id=RequestId("r"), model="tiny")
    writer = ChunkWriter(head.document("chat.completion.chunk"), ChatChoices(RequestId("r")), include_usage=False)
    answer = StreamedAnswer(answers(), writer, choices=1, include_usage=False, headers={})
    async with asyncio.timeout(5):
        await answer({"type": "http"}, receive, send)
    assert contents(sent) == [[""], ["a"], ["bcd"], ["e", "f"], []], (
        "what is not behind has its own chunks, if in one write"
    )


async def test_a_client_that_reads_late_gets_all_of_the_text(url: str, node: ScriptedNode) -> None:
    words = [f"{number} " for number in range(20_000)]
    node.add_script("fast", answering(Accepted(prompt_ids=(1,)), *fast_chunks(words)))
    body = b'{"model":"fast","stream":true,"messages":[{"role":"user","content":"x"}]}'
    head = b"POST /v1/chat/completions HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    answer = (await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    texts = contents([{"type": "http.response.body", "body": answer}])[0]
    assert "".join(texts) == "".join(words)


def fast_chunks(words: Sequence[str]) -> Iterator[Chunk]:
    """Many chunks, quickly made."""
    offset = 0
    for index, text in enumerate(words):
        finish = "stop" if index == len(words) - 1 else None
        yield Chunk(index=index, token_id=1, text_from=offset, text=text, finish=finish)
        offset += len(text)
