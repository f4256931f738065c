"""Having the master decide, and telling the client what came of it."""

from __future__ import annotations

import uuid

from starlette.responses import JSONResponse, Response

from exo_core.frozen import JsonValue
from exo_core.identifiers import CommandId
from exo_core.node_handle import NodeHandle
from exo_core.state.commands import Command, CommandAccepted, CommandAnswer, CommandRefused
from exo_http.errors import ApiError


def new_command_id() -> CommandId:
    """Names a command, so that it is decided once however often it arrives."""
    return CommandId(uuid.uuid4().hex)


async def submitted(node: NodeHandle, command: Command) -> Response:
    """202 once the facts are safe. Raises `ApiError`, `NoMaster`."""
    return accepted_response(accepted(await node.submit(command)))


def accepted(answer: CommandAnswer) -> CommandAccepted:
    """The acceptance. Raises `ApiError` for a refusal."""
    if isinstance(answer, CommandRefused):
        raise ApiError(answer.status, answer.code, answer.message)
    return answer


def accepted_response(answer: CommandAccepted, **more: JsonValue) -> Response:
    """`index` is what `GET /state?at_least=` waits for."""
    document: dict[str, JsonValue] = {"command_id": answer.command_id, "index": answer.index, **more}
    if answer.instance_id is not None:
        document["instance_id"] = answer.instance_id
    return JSONResponse(document, status_code=202)
