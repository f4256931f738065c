"""Which replica was sent the longest beginning of this prompt already? It may still have it in its caches.

Remembered are keyed hashes, never text: one for each beginning of a conversation that ends with a message (of a plain
prompt, with a block), under the replica that was sent it last. A beginning of system messages alone does not count: all
conversations of an application share it, and they would all go to one replica.
"""

from __future__ import annotations

import json
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Final, final

from exo_core.identifiers import InstanceId
from exo_core.requests import ChatPrompt, EngineRequest, Generate, Prompt, TextPrompt

Beginnings = tuple[bytes, ...]
"""Hashes of a prompt's beginnings, the shortest first."""

MOST_REMEMBERED: Final = 16384
"""Beginnings, of all replicas together; some 4 MB."""
LONGEST_PROMPT: Final = 512
"""Of a prompt's beginnings only so many are looked at."""
_DIGEST_BYTES = 12
_CHARACTERS, _TOKENS = 1024, 256
_SYSTEM = ("system", "developer")


@final
class SentPrompts:
    """Belongs to one gateway. The hashes' key is drawn at random, so they mean nothing outside of this process."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._key = secrets.token_bytes(32)
        self._sent: OrderedDict[tuple[InstanceId, bytes], None] = OrderedDict()

    def beginnings(self, request: EngineRequest) -> Beginnings:
        """What to remember of a request; nothing of one that leaves nothing in a cache."""
        if not isinstance(request, Generate):
            return ()
        digest, found = blake2b(key=self._key, digest_size=_DIGEST_BYTES), list[bytes]()
        for piece, counts in _pieces(request.prompt):
            digest.update(len(piece).to_bytes(8, "little") + piece)
            if counts:
                found.append(digest.digest())
            if len(found) == LONGEST_PROMPT:
                break
        return tuple(found)

    def common(self, instance_id: InstanceId, beginnings: Beginnings) -> int:
        """How many messages (or blocks) of a prompt were sent to a replica already, from the first on."""
        known = (
            length for length in range(len(beginnings), 0, -1) if (instance_id, beginnings[length - 1]) in self._sent
        )
        return next(known, 0)

    def sent(self, instance_id: InstanceId, beginnings: Sequence[bytes]) -> None:
        """A prompt goes to a replica now. The beginnings that were used longest ago are forgotten."""
        for beginning in reversed(beginnings):  # the short ones, which more prompts share, are forgotten last
            self._sent[instance_id, beginning] = None
            self._sent.move_to_end((instance_id, beginning))
        while len(self._sent) > self._most:
            self._sent.popitem(last=False)


def _pieces(prompt: Prompt) -> Iterator[tuple[bytes, bool]]:
    """A prompt's parts in order, and whether a beginning that ends with this part counts."""
    match prompt:
        case ChatPrompt():
            yield _json([prompt.tools, prompt.template_arguments]), False
            counts = False
            for message in prompt.messages:
                counts = counts or message.get("role") not in _SYSTEM
                yield _json(message), counts
        case TextPrompt():
            for block in _blocks(len(prompt.text), _CHARACTERS):
                yield prompt.text[block].encode("utf-8", "surrogatepass"), True
        case _:
            for block in _blocks(len(prompt.token_ids), _TOKENS):
                yield _json(prompt.token_ids[block]), True


def _blocks(length: int, size: int) -> Iterable[slice]:
    """The last one is shorter; it matches only where both prompts end there."""
    return (slice(start, start + size) for start in range(0, length, size))


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
