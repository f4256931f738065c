"""Every path of OpenAI's API, and what answers there."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute, Route

from exo_api_openai.cancel import cancel_endpoint
from exo_api_openai.chat import chat_endpoint
from exo_api_openai.completions import completions_endpoint
from exo_api_openai.embeddings import embeddings_endpoint
from exo_api_openai.models import model_endpoint, models_endpoint
from exo_api_openai.request_groups import RequestGroups
from exo_core.node_handle import NodeHandle


def openai_routes(node: NodeHandle) -> Sequence[BaseRoute]:
    """The routes below `/v1`."""
    groups = RequestGroups(node)
    return [
        Route("/v1/chat/completions", chat_endpoint(node), methods=["POST"]),
        Route("/v1/completions", completions_endpoint(node, groups), methods=["POST"]),
        Route("/v1/embeddings", embeddings_endpoint(node), methods=["POST"]),
        Route("/v1/cancel/{request_id}", cancel_endpoint(groups), methods=["POST"]),
        Route("/v1/models", models_endpoint(node)),
        Route("/v1/models/{model_id:path}", model_endpoint(node)),
    ]
