"""Everything `GET /metrics` shows: what was counted here, and what this node knows at the moment it is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from exo_core.identifiers import RunnerId
from exo_core.node_handle import NodeHandle
from exo_metrics.histogram import Histogram
from exo_metrics.tally import Tally


@final
class NodeCollector(Collector):
    """Reads only. Names end as Prometheus asks: seconds, bytes, total."""

    def __init__(self, node: NodeHandle, tally: Tally) -> None:
        self._node = node
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """All families."""
        yield from _requests(self._tally)
        for families in (_cluster, _instances, _heads, _machine):
            yield from families(self._node)


def _requests(tally: Tally) -> Iterator[Metric]:
    yield _counters("exo_requests", "Requests that are over, by the code of their error", "error", tally.finished)
    yield GaugeMetricFamily("exo_requests_open", "Requests that are not over", value=len(tally.open))
    yield GaugeMetricFamily("exo_requests_waiting", "Open requests without a first token", value=tally.waiting)
    yield _counters("exo_requests_replayed", "Attempts that broke off and were replayed", "cause", tally.replayed)
    yield _counters("exo_tokens", "Tokens of requests that are over", "kind", tally.tokens)
    yield _histogram("exo_time_to_first_token_seconds", "From the request to its first token", tally.first_token)
    yield _histogram("exo_inter_token_seconds", "Between two tokens of one choice", tally.gap)
    yield _histogram("exo_request_seconds", "From the request to its end", tally.request)
    yield CounterMetricFamily("exo_elections", "Masters that took office, as seen here", value=tally.elections)
    yield _counters("exo_events", "Changes of links, master and runners seen here", "kind", tally.events)


def _counters(name: str, about: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, about, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _histogram(name: str, help_text: str, values: Histogram) -> Metric:
    return HistogramMetricFamily(name, help_text, buckets=values.buckets(), sum_value=values.total)


def _cluster(node: NodeHandle) -> Iterator[Metric]:
    info = GaugeMetricFamily("exo_node", "Who this is", labels=["node_id", "cluster_id", "version"])
    info.add_metric([node.node_id, node.cluster_id, node.version], 1)
    yield info
    yield GaugeMetricFamily("exo_epoch_term", "The term of the epoch this node lives in", value=node.epoch.term)
    yield GaugeMetricFamily("exo_has_master", "Whether there is a master to follow", value=bool(node.master_id))
    yield GaugeMetricFamily("exo_is_master", "Whether this node leads", value=node.master_id == node.node_id)
    yield GaugeMetricFamily("exo_log_length", "Entries of the log here", value=node.log.length)
    yield GaugeMetricFamily("exo_log_settled", "Entries that all recent members have", value=node.log.settled)
    yield GaugeMetricFamily("exo_log_lag", "Entries behind the longest log known here", value=_lag(node))
    members = GaugeMetricFamily("exo_members", "Members of the cluster", labels=["alive"])
    dead = sum(member.dead for member in node.state.members.values())
    members.add_metric(["true"], len(node.state.members) - dead)
    members.add_metric(["false"], dead)
    yield members
    yield GaugeMetricFamily("exo_problems", "What a person should look at: see exo status", value=len(node.problems))


def _lag(node: NodeHandle) -> int:
    return max(0, max((told.log_length for told in node.telemetry.nodes.values()), default=0) - node.log.length)


def _instances(node: NodeHandle) -> Iterator[Metric]:
    instances = GaugeMetricFamily("exo_instances", "Placed models", labels=["model_id", "status"])
    placed = node.state.instances.items()
    found = Counter((instance.request.model_id, node.instance_status(name)[0]) for name, instance in placed)
    for labels, count in found.items():
        instances.add_metric(list(labels), count)
    yield instances
    runners = GaugeMetricFamily("exo_runners", "Processes of shards, of all members", labels=["status"])
    statuses = Counter(runner.status for told in node.telemetry.nodes.values() for runner in told.runners)
    for status, count in statuses.items():
        runners.add_metric([status], count)
    yield runners


def _heads(node: NodeHandle) -> Iterator[Metric]:
    """What is asked of the models whose first layers are here, by clients of any node."""
    family = GaugeMetricFamily("exo_head_requests", "At heads of this machine", labels=["model_id", "phase"])
    models = _models_of_runners(node)
    loads = Counter[tuple[str, str]]()
    for runner_id, load in node.head_loads.items():
        model_id = models.get(runner_id, "")
        loads[model_id, "waiting"] += load.waiting
        loads[model_id, "answering"] += load.answering
    for labels, count in loads.items():
        family.add_metric(list(labels), count)
    yield family


def _models_of_runners(node: NodeHandle) -> Mapping[RunnerId, str]:
    return {
        shard.runner_id: instance.request.model_id
        for instance in node.state.instances.values()
        if instance.placement is not None
        for shard in instance.placement.shards
    }


def _machine(node: NodeHandle) -> Iterator[Metric]:
    """This machine and its links: each node tells of itself, so that nothing is counted twice."""
    memory = GaugeMetricFamily("exo_memory_bytes", "Memory of this machine", labels=["kind"])
    round_trip = GaugeMetricFamily("exo_link_round_trip_seconds", "To a member and back", labels=["peer", "transport"])
    speed = GaugeMetricFamily("exo_link_bytes_per_second", "As measured last", labels=["peer", "transport"])
    told = node.telemetry.nodes.get(node.node_id)
    if told is not None:
        memory.add_metric(["total"], told.memory_total)
        memory.add_metric(["free"], told.memory_free)
        memory.add_metric(["for_models"], told.memory_for_models)
        for link in told.links:
            peer = link.b if link.a == node.node_id else link.a
            if link.round_trip_ms is not None:
                round_trip.add_metric([peer, link.transport], link.round_trip_ms / 1000)
            if link.bytes_per_s is not None:
                speed.add_metric([peer, link.transport], link.bytes_per_s)
    yield from (memory, round_trip, speed)
    sent = CounterMetricFamily("exo_link_sent_bytes", "To a member, over all links to it", labels=["peer"])
    received = CounterMetricFamily("exo_link_received_bytes", "From a member, over all its links", labels=["peer"])
    for peer, count in node.link_bytes.items():
        sent.add_metric([peer], count.sent)
        received.add_metric([peer], count.received)
    yield from (sent, received)
