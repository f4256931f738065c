"""A client of many streams at once in a process of its own, so that it costs no more than it has to.

python -m exo_http.testing.many_streams URL MODEL STREAMS TOKENS

It asks for so many streamed answers of so many tokens each, all at once, and writes what it heard of each: a line of
JSON, as `Stream` has it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from dataclasses import asdict

from exo_http.testing.stream_client import Stream, chat_body, stream


async def streams_at_once(url: str, model: str, *, streams: int, tokens: int) -> list[Stream]:
    """What was heard of each."""
    body = chat_body(model, max_tokens=tokens, ignore_eos=True)
    return await asyncio.gather(*(stream(url, body) for _ in range(streams)))


def main(url: str, model: str, streams: str, tokens: str) -> None:
    """Ask, and write it down."""
    gc.disable()  # a collection among thousands of waiting tasks would be measured as the server's time
    for heard in asyncio.run(streams_at_once(url, model, streams=int(streams), tokens=int(tokens))):
        print(json.dumps(asdict(heard)))


if __name__ == "__main__":
    main(*sys.argv[1:])
