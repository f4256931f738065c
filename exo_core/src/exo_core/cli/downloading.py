"""Progress bars while models come to disks: on stderr, and only where a person looks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from exo_core.cli.documents import as_number, as_object, as_text
from exo_core.cli.loading import POLL_S, StepBars
from exo_core.control_socket.operations import Operations
from exo_core.errors import UserError
from exo_core.frozen import JsonObject
from exo_core.identifiers import ModelId, NodeId

STALE_S: Final = 3.0
"""For so long, what a machine tells of an earlier attempt may still be on its way here."""


async def download(node: Operations, model_id: ModelId, node_ids: Sequence[NodeId], *, wait: bool) -> Sequence[str]:
    """Have a model brought to nodes' disks; their names. Raises `UserError` where it did not arrive."""
    before = await _entries(node, model_id)
    for node_id in node_ids:
        await node.start_download(model_id, node_id)
    if wait:
        await _arrived(node, model_id, node_ids, before)
    nodes = as_object(as_object(await node.status()).get("nodes"))
    return [as_text(as_object(nodes.get(node_id)).get("name")) or node_id for node_id in node_ids]


async def _entries(node: Operations, model_id: ModelId) -> Mapping[str, JsonObject]:
    """The last word about a model on each node: what runs or went wrong, before what was finished earlier."""
    found = [as_object(item) for item in await node.downloads()]
    of_it = [item for item in found if item.get("model_id") == model_id]
    finished_first = sorted(of_it, key=lambda item: item.get("status") != "finished")
    return {as_text(item.get("node_id")): item for item in finished_first}


async def _arrived(
    node: Operations, model_id: ModelId, node_ids: Sequence[NodeId], before: Mapping[str, JsonObject]
) -> None:
    loop = asyncio.get_running_loop()
    fresh_from = loop.time() + STALE_S
    with StepBars() as bars:
        while True:
            entries, waiting, problems = await _entries(node, model_id), False, list[str]()
            nodes = as_object(as_object(await node.status()).get("nodes"))
            for node_id in node_ids:
                entry = entries.get(node_id, JsonObject())
                is_stale = entry == before.get(node_id) and loop.time() < fresh_from
                member = as_object(nodes.get(node_id))
                problem = (None if is_stale else _problem(entry)) or _gone(member, node_id, entry)
                problems += [problem] if problem is not None else []
                waiting |= problem is None and entry.get("status") != "finished"
                _show(bars, node_id, entry)
            if not waiting:
                break
            await asyncio.sleep(POLL_S)
    if problems:
        raise UserError("; ".join(problems))


def _problem(entry: JsonObject) -> str | None:
    name, status = as_text(entry.get("node")), as_text(entry.get("status"))
    if status == "failed":
        return f"{name}: {as_text(entry.get('detail'))}"
    if status == "cancelled":
        return f"{name}: the download was cancelled; what came is kept, and the next one goes on from there"
    return None


def _gone(member: JsonObject, node_id: NodeId, entry: JsonObject) -> str | None:
    """A machine that died tells nothing any more: its last word may be that it downloads."""
    if entry.get("status") == "finished" or member.get("alive") is True:
        return None
    name = as_text(member.get("name")) or node_id
    return f"{name} is not reachable any more; what came is kept. See: exo status"


def _show(bars: StepBars, node_id: str, entry: JsonObject) -> None:
    if entry:
        status = as_text(entry.get("status"))
        bars.show(
            node_id, as_text(entry.get("node")), status, as_number(entry.get("done")), as_number(entry.get("total"))
        )
