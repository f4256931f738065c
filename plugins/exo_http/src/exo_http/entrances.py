"""Opening and closing the entrances that plugins add to the front door."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import cast

from exo_core.errors import UserError
from exo_http.asked_plugins import answers_of_plugins
from exo_http.door import Door

logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_entrances(door: Door) -> AsyncGenerator[None]:
    """All that there are, until left. Raises `UserError` when a person set something that cannot be meant."""
    async with AsyncExitStack() as opened:
        for answer in answers_of_plugins(door.node.plugins, "exo_http_entrances", door=door):
            await _enter(opened, cast("AbstractAsyncContextManager[None]", answer))
        yield


async def _enter(opened: AsyncExitStack, entrance: AbstractAsyncContextManager[None]) -> None:
    try:
        await opened.enter_async_context(entrance)
    except UserError:
        raise
    except Exception:  # the door is open all the same
        logger.exception("an entrance stays shut: it failed when it was opened")
