"""Every path of OpenAI's API, and what answers there."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from exo_api_openai import answers
from exo_api_openai.cancel import cancel_endpoint
from exo_api_openai.chat import chat_endpoint
from exo_api_openai.chat_request import ChatRequest
from exo_api_openai.completion_request import CompletionRequest
from exo_api_openai.completions import completions_endpoint
from exo_api_openai.embedding_request import EmbeddingRequest
from exo_api_openai.embeddings import embeddings_endpoint
from exo_api_openai.models import model_endpoint, models_endpoint
from exo_api_openai.request_groups import RequestGroups
from exo_api_openai.tokenize_request import DetokenizeRequest, TokenizeRequest
from exo_api_openai.tokenizing import detokenize_endpoint, tokenize_endpoint
from exo_core.node_handle import NodeHandle
from exo_http.operation import ApiRoute, Operation

CHAT = Operation(
    summary="Answer a conversation",
    body=ChatRequest,
    answer=answers.ChatCompletion,
    may_stream=True,
    asks_models=True,
)
COMPLETION = Operation(
    summary="Continue a text, or several",
    body=CompletionRequest,
    answer=answers.TextCompletion,
    may_stream=True,
    asks_models=True,
)
EMBEDDING = Operation(summary="Texts as vectors", body=EmbeddingRequest, answer=answers.EmbeddingList, asks_models=True)
TOKENIZE = Operation(summary="The token ids of a text", body=TokenizeRequest, answer=answers.Tokens, asks_models=True)
DETOKENIZE = Operation(
    summary="The text of token ids", body=DetokenizeRequest, answer=answers.Detokenized, asks_models=True
)
CANCEL = Operation(summary="End a request that this node answers", answer=answers.Cancelled)
MODELS = Operation(summary="The models that can be asked for", answer=answers.ModelList)
MODEL = Operation(summary="One of them", answer=answers.ModelObject)


def openai_routes(node: NodeHandle) -> Sequence[BaseRoute]:
    """The routes below `/v1`, and the two that vLLM has beside them."""
    groups = RequestGroups(node)
    completions = completions_endpoint(node, groups)
    return [
        ApiRoute("/v1/chat/completions", chat_endpoint(node), operation=CHAT, method="POST", scope="infer"),
        ApiRoute("/v1/completions", completions, operation=COMPLETION, method="POST", scope="infer"),
        ApiRoute("/v1/embeddings", embeddings_endpoint(node), operation=EMBEDDING, method="POST", scope="infer"),
        ApiRoute("/tokenize", tokenize_endpoint(node), operation=TOKENIZE, method="POST", scope="infer"),
        ApiRoute("/detokenize", detokenize_endpoint(node), operation=DETOKENIZE, method="POST", scope="infer"),
        ApiRoute("/v1/cancel/{request_id}", cancel_endpoint(groups), operation=CANCEL, method="POST", scope="infer"),
        ApiRoute("/v1/models", models_endpoint(node), operation=MODELS, scope="infer"),
        ApiRoute("/v1/models/{model_id:path}", model_endpoint(node), operation=MODEL, scope="infer"),
    ]
