"""`exo models alias`: giving a model another name, and taking it back."""

from __future__ import annotations

import re

from exo_core.cli.commands import accepted, new_id
from exo_core.cli.documents import as_text, objects
from exo_core.control_socket.operations import Operations
from exo_core.errors import UserError, WrongUsage
from exo_core.identifiers import CommandId
from exo_core.model_names import model_named
from exo_core.state.aliases import EXTENSION
from exo_core.state.commands import ChangeExtension

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,99}")


async def change_alias(node: Operations, name: str, model: str | None) -> str:
    """Let `name` stand for `model`, for nothing where that is None; a sentence that says so. Raises `UserError`."""
    if _NAME.fullmatch(name) is None:
        message = f"'{name[:100]}': a name begins with a letter or digit and has up to 100 of them and of . _ : / @ -"
        raise WrongUsage(message)
    value = None if model is None else await _known(node, name, model)
    command_id = CommandId(new_id("c"))
    accepted(await node.submit(ChangeExtension(command_id=command_id, plugin=EXTENSION, key=name, value=value)))
    return f"{name} stands for {value}" if value is not None else f"{name} stands for nothing any more"


async def _known(node: Operations, name: str, model: str) -> str:
    """The model's id. Raises `UserError` for a model that is not there, and for a name that a model has."""
    known = {as_text(item.get("id")) for item in objects(await node.catalogue())}
    if name in known:
        message = f"{name} is a model itself; give {model} another name"
        raise UserError(message)
    model_id = model_named(model)
    if model_id not in known:
        message = f"{model} is not in the catalogue. See: exo models; to enter it: exo models add {model}"
        raise UserError(message)
    return model_id
