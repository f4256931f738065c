"""What is done to real processes while streams run: each blow strikes, and gives back how to mend what it broke.

No blow hits the gateway's node. `turn` varies who is hit; runners are hit in turn, since one that dies three times
within a minute is not started again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psutil

from exo_core.testing.node_process import NodeProcess, eventually
from exo_core.testing.reliability.process_cluster import Faults, ProcessCluster

SLEEP_S = 3.0
"""Longer than the cluster waits for a silent node, shorter than it waits for a dead one to come back."""

Mend = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Who is who: the gateway's node never leads, and neither it nor the master is the worker."""

    cluster: ProcessCluster
    faults: Faults
    gateway: NodeProcess
    master: NodeProcess
    worker: NodeProcess
    turn: int

    def runner_of(self, node: NodeProcess) -> psutil.Process:
        """One of a node's runners."""
        runners = node.runner_processes()
        return runners[self.turn % len(runners)]


Blow = Callable[[Scene], Mend]


def nothing_to_mend() -> None:
    """The cluster mends itself."""


# kill -9 -------------------------------------------------------------------------------------------------------------


def _killed(scene: Scene, *nodes: NodeProcess) -> Mend:
    scene.faults.happen()
    for node in nodes:
        node.process.kill()

    def mend() -> None:
        for node in nodes:
            node.kill()
            node.start()

    return mend


def kill_master(scene: Scene) -> Mend:
    """The node that leads, and with it its shards."""
    return _killed(scene, scene.master)


def kill_worker(scene: Scene) -> Mend:
    """A node that holds stages and does not lead."""
    return _killed(scene, scene.worker)


def kill_runner(scene: Scene) -> Mend:
    """One stage's process; its node starts it again."""
    victim = scene.runner_of(scene.worker)
    scene.faults.happen()
    victim.kill()
    return nothing_to_mend


def kill_runner_beside_the_gateway(scene: Scene) -> Mend:
    """The same on the gateway's own machine."""
    victim = scene.runner_of(scene.gateway)
    scene.faults.happen()
    victim.kill()
    return nothing_to_mend


def kill_master_and_runner(scene: Scene) -> Mend:
    """At one moment: who leads, and a stage elsewhere."""
    victim = scene.runner_of(scene.worker)
    mend = _killed(scene, scene.master)
    victim.kill()
    return mend


def kill_all_but_the_gateway(scene: Scene) -> Mend:
    """At one moment; the nodes are started again at once, for nothing is left that could answer."""
    _killed(scene, *scene.cluster.others(scene.gateway))()
    return nothing_to_mend


def storm(scene: Scene) -> Mend:
    """A node that is killed as soon as it is back, again and again."""
    for _ in range(3):
        scene.faults.happen()
        scene.worker.kill()
        scene.worker.start()
    return nothing_to_mend


def restart_worker(scene: Scene) -> Mend:
    """As a person does who installs a new version."""
    scene.faults.happen()
    scene.worker.stop()
    scene.worker.start()
    return nothing_to_mend


def restart_master(scene: Scene) -> Mend:
    """The same with the node that leads."""
    scene.faults.happen()
    scene.master.stop()
    scene.master.start()
    return nothing_to_mend


# SIGSTOP -------------------------------------------------------------------------------------------------------------


def _sleeps(scene: Scene, node: NodeProcess) -> Mend:
    scene.faults.happen()
    node.pause()
    time.sleep(SLEEP_S)  # this is the fault
    node.resume()
    return nothing_to_mend


def pause_master(scene: Scene) -> Mend:
    """Who leads is silent for some seconds, and returns."""
    return _sleeps(scene, scene.master)


def pause_worker(scene: Scene) -> Mend:
    """A follower is."""
    return _sleeps(scene, scene.worker)


def silence_master(scene: Scene) -> Mend:
    """Who leads is silent until all streams have ended."""
    scene.faults.happen()
    scene.master.pause()
    return scene.master.resume


def silence_worker(scene: Scene) -> Mend:
    """A follower is."""
    scene.faults.happen()
    scene.worker.pause()
    return scene.worker.resume


def pause_runner(scene: Scene) -> Mend:
    """A stage stands still for some seconds."""
    victim = scene.runner_of(scene.worker)
    scene.faults.happen()
    victim.suspend()
    time.sleep(SLEEP_S)  # this is the fault
    victim.resume()
    return nothing_to_mend


def silence_runner(scene: Scene) -> Mend:
    """A stage stands still until all streams have ended; then it dies."""
    victim = scene.runner_of(scene.worker)
    scene.faults.happen()
    victim.suspend()

    def mend() -> None:
        if victim.is_running():
            victim.kill()

    return mend


# the network ---------------------------------------------------------------------------------------------------------


def part_master(scene: Scene) -> Mend:
    """No message passes between the master's node and the others, until a new master leads these."""
    cluster, old = scene.cluster, scene.master
    scene.faults.happen()
    cluster.part(old)
    others = cluster.others(old)
    eventually(lambda: all(node.master not in (None, old.node_id) for node in others), "a new master", seconds=60)
    cluster.heal()
    return nothing_to_mend


BLOWS: Mapping[str, Blow] = {
    blow.__name__: blow
    for blow in (
        kill_master,
        kill_worker,
        kill_runner,
        kill_runner_beside_the_gateway,
        kill_master_and_runner,
        kill_all_but_the_gateway,
        storm,
        restart_worker,
        restart_master,
        pause_master,
        pause_worker,
        silence_master,
        silence_worker,
        pause_runner,
        silence_runner,
        part_master,
    )
}
"""All of them by name."""


def strike(cluster: ProcessCluster, name: str, *, streams: int, turn: int = 0) -> Scene:
    """One round: streams, a blow, their ends, and back to a whole cluster; who was who. Raises `AssertionError`."""
    cluster.until_whole()
    master = cluster.master
    followers = cluster.others(master)
    gateway, worker = followers[turn % len(followers)], followers[turn % len(followers) - 1]
    with cluster.crossing(name, gateways=[gateway], streams=streams) as faults:
        scene = Scene(cluster=cluster, faults=faults, gateway=gateway, master=master, worker=worker, turn=turn)
        mend = BLOWS[name](scene)
    mend()
    cluster.until_whole()
    return scene
