"""mlx-lm as its users have it: a model in this process, and its server. The only module here that touches mlx_lm.

No end of text is known to it, so that every answer is as long as was asked for, as exo's are with `ignore_eos`.
`EXO_MLX_BLAS=off` leaves mlx with the BLAS it came with; otherwise it gets the same one as exo's runners.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, final

from exo_backend_mlx.blas import use_fast_blas

CONNECTIONS = 256
"""May wait until its server takes them: with five, as it comes, some of many clients at once are turned away."""


@dataclass(frozen=True, kw_only=True)
class Generated:
    """One answer. Seconds from the call to each token."""

    prompt_tokens: int
    arrivals: Sequence[float]


@final
class LoadedModel:
    """`mlx_lm.load`, and what `mlx_lm.generate` runs."""

    def __init__(self, folder: Path) -> None:
        use_fast_blas()
        load = importlib.import_module("mlx_lm.utils").load
        self._stream_generate: Callable[..., Iterator[object]] = importlib.import_module(
            "mlx_lm.generate"
        ).stream_generate
        self._model, self._tokenizer = without_end(load)(str(folder))[:2]

    def generate(self, text: str, tokens: int) -> Generated:
        """Answer a user's message, greedily."""
        messages = [{"role": "user", "content": text}]
        prompt = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True)
        asked = time.perf_counter()
        answer = self._stream_generate(self._model, self._tokenizer, prompt, max_tokens=tokens)
        arrivals = [time.perf_counter() - asked for _ in answer]
        return Generated(prompt_tokens=len(prompt), arrivals=arrivals)


def serve(arguments: Sequence[str]) -> None:
    """`mlx_lm.server` with these arguments, for ever."""
    use_fast_blas()
    ThreadingHTTPServer.request_queue_size = CONNECTIONS
    server: Any = importlib.import_module("mlx_lm.server")
    server.load = without_end(server.load)
    server.sharded_load = without_end(server.sharded_load)
    sys.argv = ["mlx_lm.server", *arguments]
    server.main()


def without_end(load: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
    """The same loader (model, tokenizer, …); its tokenizer never says that a text has ended."""

    def loaded(*arguments: object, **named: object) -> tuple[Any, ...]:
        made = load(*arguments, **named)
        made[1].eos_token_ids = []
        return made

    return loaded
