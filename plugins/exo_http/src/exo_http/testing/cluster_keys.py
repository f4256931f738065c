"""Keys of a scripted node's cluster, as `exo key create` and `exo key revoke` make and end them."""

from __future__ import annotations

from collections.abc import Mapping

from exo_core.identifiers import CommandId
from exo_core.state.commands import ChangeExtension
from exo_http.key_limits import UNLIMITED, KeyLimits
from exo_http.keys import PLUGIN, PREFIX, NewKey, draw_key
from exo_http.operation import Scope
from exo_http.testing.scripted_node import ScriptedNode


async def make_key(node: ScriptedNode, *scopes: Scope, limits: KeyLimits = UNLIMITED) -> NewKey:
    """A new key that the cluster knows."""
    key = draw_key("me", scopes, now=1, limits=limits)
    await keep_key(node, key)
    return key


async def keep_key(node: ScriptedNode, key: NewKey) -> None:
    """Let the cluster know a key."""
    await _change(node, key, key.record.model_dump(mode="json"))


async def revoke_key(node: ScriptedNode, key: NewKey) -> None:
    """Let the cluster know it no more."""
    await _change(node, key, None)


async def _change(node: ScriptedNode, key: NewKey, value: Mapping[str, object] | None) -> None:
    name, command_id = f"{PREFIX}{key.key_id}", CommandId(f"{key.key_id}-{value is None}")
    change = {"command_id": command_id, "plugin": PLUGIN, "key": name, "value": value}
    await node.submit(ChangeExtension.model_validate(change))
