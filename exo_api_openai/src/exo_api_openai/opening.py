"""The beginning of an answer: what decides the HTTP status."""

from __future__ import annotations

import asyncio

from exo_api_openai.inbox import Inbox
from exo_core.requests import Accepted, Answer, Failed, Progress, Refused
from exo_http.errors import ApiError

PATIENCE_SECONDS = 1.0
"""How long a stream that waits for a load is held back: a refusal that comes at once still gets its status."""

UNAVAILABLE = ("instance_lost", "instance_removed", "does_not_fit", "load_failed", "fenced", "not_ready", "stopping")
SOON = ("instance_lost", "fenced", "not_ready", "stopping", "grammar_not_compiled")
"""Another machine, or the same one after a moment, may answer."""
NAMED_FIELDS = ("tools", "tool_choice", "response_format")
GRAMMAR_CODES = ("invalid_grammar", "grammar_not_supported", "grammar_broken")
FAILURE_STATUS = {
    **dict.fromkeys(UNAVAILABLE, 503),
    "cancelled": 409,
    "client_too_slow": 408,
    "grammar_broken": 400,
    "load_stalled": 504,
    "stalled": 504,
}


async def first_word(inbox: Inbox) -> Accepted | None:
    """The acceptance, or None once a model's load has been waited for a while. Raises `ApiError` for a refusal."""
    deadline: float | None = None
    try:
        async with asyncio.timeout(None) as patience:
            while True:
                answer = await inbox.next()
                if isinstance(answer, Accepted):
                    return answer
                refuse(answer)
                if deadline is None:  # progress before the acceptance: something is being loaded
                    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
                    patience.reschedule(deadline)
    except TimeoutError:
        return None


async def acceptance(inbox: Inbox) -> Accepted:
    """The acceptance, however long a load takes. Raises `ApiError` for a refusal."""
    while not isinstance(answer := await inbox.next(), Accepted):
        refuse(answer)
    return answer


def refuse(answer: Answer | None) -> None:
    """Raises `ApiError` for every answer but progress that comes instead of an acceptance."""
    match answer:
        case Progress():
            return
        case Refused(status=404, code="model_not_found"):
            raise ApiError(404, answer.code, answer.message, param="model")
        case Refused():
            headers = _when(answer.status, answer.code)
            param = _field(answer.code, answer.message)
            raise ApiError(answer.status, answer.code, answer.message, param=param, headers=headers)
        case Failed():
            raise failure(answer)
        case None:
            raise cancelled()
        case _:
            raise ApiError(500, "internal_error", f"the engine answered with {answer.kind} before it accepted")


def failure(failed: Failed) -> ApiError:
    """What a client is told when its answer cannot be completed."""
    status = FAILURE_STATUS.get(failed.code, 500)
    param = _field(failed.code, failed.message)
    return ApiError(status, failed.code, failed.message, param=param, headers=_when(status, failed.code))


def _field(code: str, message: str) -> str | None:
    """The field at fault, where an engine says so: in front of its message, or with its code."""
    named = message.partition(":")[0]
    if named in NAMED_FIELDS:
        return named
    return "response_format" if code in GRAMMAR_CODES else None


def _when(status: int, code: str) -> dict[str, str]:
    """When to ask again, where that may help soon."""
    return {"Retry-After": "1"} if status == 429 or code in SOON else {}


def cancelled() -> ApiError:
    """What the client is told whose request was ended by `POST /v1/cancel/{id}`."""
    return ApiError(409, "cancelled", "the request was cancelled")
