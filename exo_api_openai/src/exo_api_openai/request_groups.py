"""Requests of a client that are several for the engines: they are cancelled under the one id the client knows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import final

from exo_api_openai.joined import joined
from exo_core.identifiers import ModelId, RequestId
from exo_core.node_handle import NodeHandle
from exo_core.requests import Answer, Generate


@final
class RequestGroups:
    """All of one node."""

    def __init__(self, node: NodeHandle) -> None:
        self._node = node
        self._members: dict[RequestId, tuple[RequestId, ...]] = {}

    async def generate(
        self, request_id: RequestId, requests: Sequence[Generate], model_id: ModelId
    ) -> AsyncGenerator[Answer]:
        """Their answers as those of one request with all choices; all have the same number of them."""
        self._members[request_id] = tuple(request.request_id for request in requests)
        parts = [self._node.generate(request, model_id) for request in requests]
        try:
            async with aclosing(joined(parts, requests[0].choices)) as answers:
                async for answer in answers:
                    yield answer
        finally:
            del self._members[request_id]

    def cancel(self, request_id: RequestId) -> bool:
        """End a request and all that belongs to it; False when there is none such."""
        members = self._members.get(request_id, (request_id,))
        cancelled = [self._node.cancel(member) for member in members]
        return True in cancelled
