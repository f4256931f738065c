"""Asking an engine for what is no text: one result, or an error for the client."""

from __future__ import annotations

from exo_api_openai.inbox import Inbox
from exo_api_openai.opening import acceptance, cancelled, failure
from exo_core.identifiers import ModelId
from exo_core.node_handle import NodeHandle
from exo_core.requests import Accepted, Embed, Failed, Result, Score, Tokenize


async def engine_result(
    node: NodeHandle, request: Embed | Score | Tokenize, model_id: ModelId
) -> tuple[Accepted, Result]:
    """What was accepted, and what came of it. Raises `ApiError`."""
    async with Inbox(node.generate(request, model_id)) as inbox:
        accepted = await acceptance(inbox)
        while (answer := await inbox.next()) is not None:
            if isinstance(answer, Failed):
                raise failure(answer)
            if isinstance(answer, Result):
                return accepted, answer
    raise cancelled()
