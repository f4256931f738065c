"""Who serves the links that came in? What every transport does with them once they are authenticated."""

from __future__ import annotations

import asyncio
import logging
from typing import final

from exo_core.errors import ExoError
from exo_core.raised_at import raised_at
from exo_core.transports import Accept, Link

logger = logging.getLogger(__name__)

HANDLER_SECONDS = 1.0
"""How long the handler of a closed link may take to notice."""


@final
class LinkHandlers:
    """Hands each link to `accept` in a task of its own and closes it when that ends; one that fails ends no other."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept
        self._tasks: dict[Link, asyncio.Task[None]] = {}
        self._closed = False

    def hand_over(self, link: Link) -> None:
        """Serve a link. The caller sees to it that `is_closed` is not set."""
        self._tasks[link] = asyncio.create_task(self._serve(link))

    @property
    def is_closed(self) -> bool:
        """Whether links that come now are not wanted any more."""
        return self._closed

    async def close(self) -> None:
        """Close all links; handlers that do not end then are cancelled."""
        self._closed = True
        handlers = list(self._tasks.values())
        _ = await asyncio.gather(*(link.close() for link in list(self._tasks)))
        if handlers:
            _, busy = await asyncio.wait(handlers, timeout=HANDLER_SECONDS)
            for handler in busy:
                _ = handler.cancel()
            _ = await asyncio.gather(*handlers, return_exceptions=True)

    async def _serve(self, link: Link) -> None:
        try:
            await self._accept(link)
        except ExoError as problem:
            logger.debug("%r: %s", link, problem)
        except Exception as problem:  # one link's handler must not end the others
            logger.error("%r: its handler failed: %s", link, raised_at(problem))
        finally:
            await link.close()
            del self._tasks[link]
