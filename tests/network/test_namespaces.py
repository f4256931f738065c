"""Nodes on real networks, whose cables are pulled, whose packets get lost and whose addresses die."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Lan, LanNode

    Until = Callable[[Callable[[], object], str, list[LanNode]], float]

pytestmark = pytest.mark.timeout(400)  # half a minute each, and much more on a machine that has other things to do


def test_members_find_each_other_by_multicast_and_another_cluster_is_told_of(lan: Lan, until: Until) -> None:
    """One gets its cable only later. Then it is pulled and pushed in again, packets get lost, and the line is slow."""
    switch = lan.network.switch("lan")
    alpha, beta = (lan.node(lan.network.machine(name)) for name in ("alpha", "beta"))
    other = lan.node(lan.network.machine("other"), foreign=True)
    for number, node in enumerate((alpha, other), start=1):
        node.machine.plug(switch, "eth0", f"10.9.0.{number}/24")
    for node in lan.nodes:
        node.start()
    until(lambda: beta.alive() == ["beta"], "beta is alone", lan.nodes)
    beta.machine.plug(switch, "eth0", "10.9.0.3/24")
    both = ["alpha", "beta"]

    def together() -> bool:
        return alpha.alive() == both and beta.alive() == both and alpha.status["log"] == beta.status["log"]

    print(f"found by multicast {until(together, 'they meet', lan.nodes):.1f} s after the second cable")
    told = "another exo cluster is on this network"
    until(lambda: told in alpha.output and told in other.output, "each is told of the other cluster", lan.nodes)
    assert alpha.output.count(told) == 1
    assert other.alive() == ["other"]

    beta.machine.pull("eth0")
    lost = until(lambda: alpha.alive() == ["alpha"], "alpha misses beta", lan.nodes)
    beta.machine.push("eth0")
    print(f"a pulled cable is noticed after {lost:.1f} s, healed {until(together, 'they meet again', lan.nodes):.1f} s")

    beta.machine.lose("eth0", 30)
    until(lambda: alpha.status and beta.status, "both go on while packets get lost", lan.nodes)
    beta.machine.repair()
    beta.machine.slow("eth0", "256kbit")
    print(f"after losses, over a slow line: together after {until(together, 'they agree', lan.nodes):.1f} s")


def test_of_two_addresses_the_better_is_used_and_the_other_when_it_dies(lan: Lan, until: Until) -> None:
    cable, lan_switch = lan.network.switch("cable"), lan.network.switch("lan")
    alpha, beta = (lan.node(lan.network.machine(name)) for name in ("alpha", "beta"))
    for number, node in enumerate((alpha, beta), start=1):
        node.machine.plug(cable, "cable0", f"10.9.1.{number}/24")  # of two equal kinds the first by name is better
        node.machine.plug(lan_switch, "lan0", f"10.9.0.{number}/24")
    alpha.start("--no-discovery")
    beta.start("--no-discovery", "--peer", "tcp://10.9.0.1:52416")

    def over(network: str) -> Callable[[], bool]:
        return lambda: network in beta.way_to(alpha)[1]

    met = until(over("10.9.1."), "the link moves to the better address", lan.nodes)
    print(f"over the better address after {met:.1f} s (the starts included)")
    beta.machine.blackhole("cable0")
    print(f"over the other {until(over('10.9.0.'), 'the link is made again', lan.nodes):.1f} s after the first died")
    until(lambda: beta.alive() == ["alpha", "beta"], "they are together", lan.nodes)
    beta.machine.repair()
    print(f"over the better one {until(over('10.9.1.'), 'the link moves back', lan.nodes):.1f} s after it is back")
    assert beta.alive() == ["alpha", "beta"]


def test_two_members_without_a_common_network_meet_over_a_third_and_directly_once_there_is_a_cable(
    lan: Lan, until: Until
) -> None:
    left, right = lan.network.switch("left"), lan.network.switch("right")
    alpha, beta, gamma = (lan.node(lan.network.machine(name)) for name in ("alpha", "beta", "gamma"))
    alpha.machine.plug(left, "eth0", "10.9.1.1/24")
    beta.machine.plug(right, "eth0", "10.9.2.2/24")
    gamma.machine.plug(left, "eth0", "10.9.1.3/24")
    gamma.machine.plug(right, "eth1", "10.9.2.3/24")
    for node, peers in (
        (gamma, []),
        (alpha, ["--peer", "tcp://10.9.1.3:52416"]),
        (beta, ["--peer", "tcp://10.9.2.3:52416"]),
    ):
        node.start("--no-discovery", *peers)
    everybody = ["alpha", "beta", "gamma"]
    until(lambda: all(node.alive() == everybody for node in lan.nodes), "all know all", lan.nodes)
    relayed = until(lambda: alpha.way_to(beta)[0] == "relay", "they reach each other over gamma", lan.nodes)
    print(f"over a third member {relayed:.1f} s after all were known")
    master = alpha.status["master"]
    alpha.machine.plug(right, "eth1", "10.9.2.1/24")
    direct = until(lambda: alpha.way_to(beta)[0] == "tcp", "they have a link of their own", lan.nodes)
    print(f"over the new cable {direct:.1f} s after it was plugged in")
    assert [node.status["master"] for node in lan.nodes] == [master] * 3
