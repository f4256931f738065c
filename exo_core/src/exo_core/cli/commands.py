"""From a person's words to commands, and from the master's answers to errors."""

from __future__ import annotations

import secrets

from exo_core.cli.documents import as_object, as_text, named_objects
from exo_core.control_socket.operations import Operations
from exo_core.errors import UserError
from exo_core.identifiers import NodeId
from exo_core.state.commands import CommandAccepted, CommandAnswer, CommandRefused


def new_id(prefix: str) -> str:
    """A fresh id that a person can still read out."""
    return f"{prefix}-{secrets.token_hex(4)}"


def accepted(answer: CommandAnswer) -> CommandAccepted:
    """The answer if it is a yes. Raises `UserError` otherwise."""
    if isinstance(answer, CommandRefused):
        raise UserError(answer.message)
    return answer


async def node_ids(node: Operations, words: list[str]) -> tuple[NodeId, ...]:
    """Nodes by name or by the beginning of their id. Raises `UserError` for a word that means none or several."""
    known = named_objects(as_object(await node.status()).get("nodes"))
    return tuple(_node_id([(node_id, as_text(item.get("name"))) for node_id, item in known], word) for word in words)


def _node_id(known: list[tuple[str, str]], word: str) -> NodeId:
    found = [node_id for node_id, name in known if word == name or node_id.startswith(word)]
    if len(found) != 1:
        names = ", ".join(f"{name} ({node_id[:8]})" for node_id, name in known)
        message = f"{'no node' if not found else 'several nodes'} named '{word}'. There are: {names}"
        raise UserError(message)
    return NodeId(found[0])
