"""Whatever a broken member sends, the reader says what was wrong and takes none of it for a piece."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from hashlib import sha256

import pytest

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId, NodeId
from exo_core.manifests import Manifest, ManifestFile
from exo_core.messaging import Stream
from exo_core.model_sharing.asked_members import AskedMembers
from exo_core.model_sharing.messages import HOLDING, PIECES, Held, Holding, PieceAnswer
from exo_core.router.router import Router
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import memory_router, until_reachable
from exo_core.wire.codec import encode_model

CONTENT = b"0123456789"
FOLLOWS = encode_model(PieceAnswer())
MANIFEST = Manifest(
    model_id=ModelId("m"), source="s", revision="1", files=(ManifestFile(path="f.json", size=len(CONTENT)),)
)


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Router, AskedMembers]]:
    """A member that can be told what to answer, and one that asks."""
    network = MemoryNetwork()
    async with memory_router(network, "alpha") as alpha, memory_router(network, "beta", peers=[alpha]) as beta:
        await until_reachable(beta, "alpha")
        asking = AskedMembers(
            beta, catalogued=lambda _: None, name_of=lambda node_id: node_id.title(), asking=0.5, silence=0.2
        )
        yield alpha, asking


def answer_with(alpha: Router, messages: Sequence[bytes], *, stay: bool = False) -> None:
    """Have alpha claim to hold everything, and send these on every stream."""

    async def held(sender: NodeId, question: Holding) -> Held:
        del sender, question
        return Held(complete=True)

    async def serve(stream: Stream, opening: bytes) -> None:
        del opening
        for message in messages:
            await stream.send(message)
        if stay:
            await stream.receive()

    alpha.on_call(HOLDING, held)
    alpha.on_stream(PIECES, serve)


async def read(asking: AskedMembers) -> bytes:
    (holder,) = await asking.holders(MANIFEST)
    async with aclosing(asking.read(holder, MANIFEST, "f.json", 0, len(CONTENT))) as blocks:
        return b"".join([block async for block in blocks])


async def test_what_is_right_is_taken(pair: tuple[Router, AskedMembers]) -> None:
    alpha, asking = pair
    answer_with(alpha, [FOLLOWS, CONTENT[:3], CONTENT[3:], sha256(CONTENT).digest()])
    assert await read(asking) == CONTENT


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([FOLLOWS, CONTENT, sha256(b"else").digest()], "Alpha does not send f.json: its hash is not the announced"),
        ([FOLLOWS, bytes([CONTENT[0] ^ 1]) + CONTENT[1:], sha256(CONTENT).digest()], "hash is not the announced"),
        ([FOLLOWS, CONTENT, b""], "it changed while it was read"),
        ([FOLLOWS, CONTENT[:4], b""], "another length"),
        ([FOLLOWS, CONTENT + b"more", sha256(CONTENT).digest()], "another length"),
        ([FOLLOWS, CONTENT], "Alpha was lost while it sent f.json"),
        ([FOLLOWS, CONTENT[:4]], "Alpha was lost while it sent f.json"),
        ([b"\xff\x00"], "Alpha was lost while it sent f.json"),
        ([], "Alpha was lost while it sent f.json"),
        ([encode_model(PieceAnswer(refused="not today"))], "Alpha does not send f.json: not today"),
    ],
)
async def test_what_is_wrong_is_told(messages: Sequence[bytes], words: str, pair: tuple[Router, AskedMembers]) -> None:
    alpha, asking = pair
    answer_with(alpha, messages)
    with pytest.raises(ModelError, match=words):
        await read(asking)


async def test_silence_ends_a_read(pair: tuple[Router, AskedMembers]) -> None:
    alpha, asking = pair
    answer_with(alpha, [FOLLOWS, CONTENT[:4]], stay=True)
    with pytest.raises(ModelError, match=r"Alpha sent nothing of f\.json for 0 s"):
        await read(asking)


async def test_a_member_too_old_to_know_the_question_holds_nothing(pair: tuple[Router, AskedMembers]) -> None:
    _, asking = pair
    assert await asking.holders(MANIFEST) == []
