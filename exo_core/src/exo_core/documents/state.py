"""What this node knows as one JSON document: `GET /state`, and `exo status --json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exo_core.frozen import JsonObject, JsonValue
from exo_core.identifiers import InstanceId, NodeId, RunnerId
from exo_core.node_handle import NodeHandle
from exo_core.placement import LinkMeasure, Placement, Shard
from exo_core.state.state import Instance, Member, State
from exo_core.telemetry import RunnerTelemetry, Telemetry


def state_document(node: NodeHandle) -> JsonObject:
    """The whole cluster as `node` sees it: its state, with telemetry merged in. Reads only."""
    state, telemetry = node.state, _of_members(node.telemetry, node.state)
    return {
        "node_id": node.node_id,
        "cluster_id": node.cluster_id,
        "master": node.master_id,
        "epoch": {"term": node.epoch.term, "master_id": node.epoch.master_id},
        "log": {"length": node.log.length, "settled": node.log.settled, "hash": node.log.hash},
        "nodes": {
            member.node_id: {
                **node_document(member, telemetry, is_self=member.node_id == node.node_id),
                **log_place_document(node, member),
            }
            for member in state.members.values()
        },
        "instances": {name: instance_document(node, name) for name in state.instances},
        "runners": runner_documents(state, telemetry),
        "links": link_documents(_of_the_living(telemetry, state, node.node_id)),
        "urls": list[JsonValue](node.urls),
        "consistency": state.consistency if state.created else None,
        "problems": [
            {"node": problem.node_id, "name": problem.name, "reason": problem.reason} for problem in node.problems
        ],
    }


def _of_members(telemetry: Telemetry, state: State) -> Telemetry:
    """Without machines that left: one may be heard for a moment longer. A newcomer is no member yet, and shown."""
    if not state.left:
        return telemetry
    nodes = {
        node_id: told.model_copy(update={"links": tuple(link for link in told.links if link.b not in state.left)})
        for node_id, told in telemetry.nodes.items()
        if node_id not in state.left
    }
    return telemetry.model_copy(update={"nodes": nodes})


def _of_the_living(telemetry: Telemetry, state: State, here: NodeId) -> Telemetry:
    """Without what the dead told last: its links are gone, and whoever is at the other end says so."""
    dead = {member.node_id for member in state.members.values() if member.dead} - {here}
    nodes = {node_id: told for node_id, told in telemetry.nodes.items() if node_id not in dead}
    return telemetry.model_copy(update={"nodes": nodes})


def node_document(member: Member, telemetry: Telemetry, *, is_self: bool) -> JsonObject:
    """A member. What only its telemetry tells is null until it was heard."""
    heard = telemetry.nodes.get(member.node_id)
    seen = 0.0 if is_self else telemetry.last_seen_s.get(member.node_id)
    return {
        "name": member.name,
        "version": heard.version if heard else member.version,
        "alive": is_self or not member.dead,
        "draining": heard.draining if heard else False,
        "last_seen_s": None if seen is None else round(seen, 3),
        "memory": {
            "total": heard.memory_total if heard else member.memory_total,
            "free": heard.memory_free if heard else None,
            "for_models": heard.memory_for_models if heard else None,
        },
        "backends": list(member.backends),
        "transports": list(member.transports),
        "facts": member.facts,
    }


def log_place_document(node: NodeHandle, member: Member) -> JsonObject:
    """What a member does in the cluster and how far its log is: `lag` entries behind the longest that is known here."""
    heard, here = node.telemetry.nodes.get(member.node_id), node.log
    if member.node_id == node.node_id:
        term, length, chain = node.epoch.term, here.length, here.hash[:16]
    elif heard is not None:
        term, length, chain = heard.term, heard.log_length, heard.log_hash
    else:
        return {"role": None, "log": None, "trouble": None}
    master = node.telemetry.nodes.get(node.master_id) if node.master_id else None
    longest = max(here.length, master.log_length if master else 0)
    return {
        "role": "master" if member.node_id == node.master_id else "follower",
        "log": {"term": term, "length": length, "lag": max(0, longest - length), "hash": chain},
        "trouble": (heard.trouble or None) if heard else None,
    }


def instance_document(node: NodeHandle, instance_id: InstanceId) -> JsonObject:
    """An instance, where it lies, and why it is as it is. Raises `KeyError` for one that is not wished."""
    instance = node.state.instances[instance_id]
    status, detail = node.instance_status(instance_id)
    placement = instance.placement
    return {
        "model_id": instance.request.model_id,
        "parallel": placement.parallel if placement else instance.request.parallel,
        "status": status,
        "detail": detail,
        "unload_after_s": instance.request.unload_after_s or None,
        "generation": _generation(instance, node.telemetry),
        "shards": [shard_document(shard) for shard in _present(node.state, placement)],
    }


def _present(state: State, placement: Placement | None) -> Sequence[Shard]:
    """The shards on members. Those on a machine that left are nowhere any more."""
    return [shard for shard in placement.shards if shard.node_id in state.members] if placement else []


def shard_document(shard: Shard) -> JsonObject:
    """What one node holds of an instance."""
    return {
        "runner_id": shard.runner_id,
        "node_id": shard.node_id,
        "stage": shard.stage,
        "stages": shard.stages,
        "start_layer": shard.start_layer,
        "end_layer": shard.end_layer,
    }


def _generation(instance: Instance, telemetry: Telemetry) -> JsonValue:
    """The generation its head draws, null while the head has not said."""
    head = instance.placement.shards[0].runner_id if instance.placement else None
    found = _runner_telemetry(telemetry).get(head) if head else None
    return list(found[1].generation) if found and found[1].generation else None


def runner_documents(state: State, telemetry: Telemetry) -> JsonObject:
    """Every runner that is placed, by what it measures of itself, else by what the log says of it."""
    measured = _runner_telemetry(telemetry)
    documents: JsonObject = {}
    for instance_id, instance in state.instances.items():
        for shard in _present(state, instance.placement):
            _, runner = measured.get(shard.runner_id, (None, None))
            documents[shard.runner_id] = {
                "node_id": shard.node_id,
                "instance_id": instance_id,
                **_runner_status(state, shard, runner),
            }
    for runner_id, (node_id, runner) in measured.items():  # about to stop, or not yet in the log here
        documents.setdefault(
            runner_id, {"node_id": node_id, "instance_id": runner.instance_id, **_measured_status(runner)}
        )
    return documents


def _runner_telemetry(telemetry: Telemetry) -> Mapping[RunnerId, tuple[NodeId, RunnerTelemetry]]:
    return {runner.runner_id: (node_id, runner) for node_id, node in telemetry.nodes.items() for runner in node.runners}


def _runner_status(state: State, shard: Shard, runner: RunnerTelemetry | None) -> JsonObject:
    member, record = state.members.get(shard.node_id), state.runners.get(shard.runner_id)
    if member is None or member.dead:
        return _status("stopped", f"{member.name if member else shard.node_id} is not reachable")
    if runner is not None:
        return _measured_status(runner)
    if record is None:
        return _status("starting", "")
    return _status("ready" if record.ready else "failed", record.detail)


def _measured_status(runner: RunnerTelemetry) -> JsonObject:
    return _status(runner.status, runner.detail, runner.done, runner.total)


def _status(status: str, detail: str, done: int = 0, total: int = 0) -> JsonObject:
    return {"status": status, "detail": detail, "done": done, "total": total}


def link_documents(telemetry: Telemetry) -> list[JsonValue]:
    """Each link once, though both its ends report it; the report that holds a measurement wins."""
    links: dict[tuple[NodeId, NodeId, str], LinkMeasure] = {}
    for node in telemetry.nodes.values():
        for link in node.links:
            a, b = sorted((link.a, link.b))
            known = links.get((a, b, link.transport))
            if known is None or known.round_trip_ms is None:
                links[a, b, link.transport] = link
    return [_link_document(a, b, link, telemetry) for (a, b, _), link in sorted(links.items())]


def _link_document(a: NodeId, b: NodeId, link: LinkMeasure, telemetry: Telemetry) -> JsonObject:
    return {
        "a": a,
        "b": b,
        "transport": link.transport,
        "address": _address(telemetry, a, b) or _address(telemetry, b, a),
        "round_trip_ms": link.round_trip_ms,
        "bytes_per_s": link.bytes_per_s,
    }


def _address(telemetry: Telemetry, source: NodeId, target: NodeId) -> str | None:
    """By which address `source` reaches `target`."""
    node = telemetry.nodes.get(source)
    return node.addresses.get(target) if node else None
