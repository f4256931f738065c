"""Machines and cables that are real to the kernel: network namespaces, joined by virtual cables and switches.

    with a_network() as network:
        lan = network.switch("lan")
        alpha, beta = network.machine("alpha"), network.machine("beta")
        alpha.plug(lan, "eth0", "10.9.0.1/24")
        beta.plug(lan, "eth0", "10.9.0.2/24")
        alpha.run("ping", "-c1", "10.9.0.2")
        beta.pull("eth0")

Needs Linux, root, and the programs `ip` and `nft`; `why_not()` says what is missing. The host's own network is not
touched: switches live in a namespace too.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import final


def why_not() -> str | None:
    """Why there can be no such network here; None when there can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    missing = [program for program in ("ip", "nft") if shutil.which(program, path=_PATH) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian packages iproute2 and nftables)"
    if os.geteuid() != 0:
        return "network namespaces need root"
    probe = f"exo-probe-{secrets.token_hex(3)}"
    try:
        _run("ip", "netns", "add", probe)
        _run("ip", "netns", "delete", probe)
    except AssertionError as problem:
        return f"this system makes no network namespaces: {problem}"
    return None


@final
class Machine:
    """A namespace with a loopback and whatever is plugged in."""

    def __init__(self, namespace: str, name: str) -> None:
        self.namespace = namespace
        self.name = name
        self._run("ip", "link", "set", "lo", "up")

    def command(self, *words: str) -> list[str]:
        """What starts a program on this machine."""
        return ["ip", "netns", "exec", self.namespace, *words]

    def run(self, *words: str) -> str:
        """What a program says that ends at once. Raises `AssertionError` when it fails."""
        return self._run(*words)

    def plug(self, switch: Switch, interface: str, *addresses: str) -> None:
        """A cable to a switch, with these addresses (`10.9.0.1/24`, `fd00::1/64`) on our end."""
        port = f"p{secrets.token_hex(4)}"
        _run(
            *("ip", "link", "add", interface, "netns", self.namespace, "type", "veth"),
            *("peer", "name", port, "netns", switch.namespace),
        )
        switch.take(port)
        for address in addresses:
            self.address(interface, address)
        self._run("ip", "link", "set", interface, "up")

    def address(self, interface: str, address: str) -> None:
        """One more address; IPv6 ones are used at once."""
        self._run("ip", "address", "add", address, "dev", interface, *(["nodad"] if ":" in address else []))

    def pull(self, interface: str) -> None:
        """Pull the cable at our end: the interface is down, its addresses stay."""
        self._run("ip", "link", "set", interface, "down")

    def push(self, interface: str) -> None:
        """Undo `pull`."""
        self._run("ip", "link", "set", interface, "up")

    def blackhole(self, interface: str) -> None:
        """Everything that comes in there is lost without a word."""
        self._drop(f'iifname "{interface}" drop')

    def lose(self, interface: str, percent: int) -> None:
        """So many of the packets that come in there are lost."""
        self._drop(f'iifname "{interface}" numgen random mod 100 < {percent} drop')

    def repair(self) -> None:
        """Undo `blackhole` and `lose`."""
        self._run("nft", "delete table inet exo")

    def slow(self, interface: str, rate: str) -> None:
        """At most that many bits a second go out there (`1mbit`); what waits, waits up to a second."""
        self._run(
            *("tc", "qdisc", "replace", "dev", interface, "root", "tbf"),
            *("rate", rate, "burst", "16kb", "latency", "1s"),
        )

    def _drop(self, rule: str) -> None:
        rules = f"table inet exo {{ chain entry {{ type filter hook input priority 0; {rule}; }}; }}"
        _run(*self.command("nft", "-f", "-"), entered=rules)

    def _run(self, *words: str) -> str:
        return _run(*self.command(*words))


@final
class Switch:
    """A bridge in the namespace of all switches."""

    def __init__(self, namespace: str, name: str) -> None:
        self.namespace = namespace
        self.name = name
        self._run("link", "add", name, "type", "bridge", "mcast_snooping", "0")
        self._run("link", "set", name, "up")

    def take(self, port: str) -> None:
        """The other end of somebody's cable."""
        self._run("link", "set", port, "master", self.name)
        self._run("link", "set", port, "up")

    def _run(self, *words: str) -> None:
        _run("ip", "-n", self.namespace, *words)


@final
class Network:
    """Namespaces under one random name; see `a_network`."""

    def __init__(self) -> None:
        self._name = f"exo-{secrets.token_hex(3)}"
        self.namespaces: list[str] = []
        self._switches = self._namespace("switches")

    def machine(self, name: str) -> Machine:
        """A machine with nothing plugged in."""
        return Machine(self._namespace(name), name)

    def switch(self, name: str) -> Switch:
        """A switch with nothing plugged in."""
        return Switch(self._switches, name)

    def _namespace(self, name: str) -> str:
        namespace = f"{self._name}-{name}"
        _run("ip", "netns", "add", namespace)
        self.namespaces.append(namespace)
        return namespace


@contextmanager
def a_network() -> Generator[Network]:
    """An empty network; everything in it is gone afterwards. Programs on it have to end before."""
    network = Network()
    try:
        yield network
    finally:
        for namespace in network.namespaces:
            _run("ip", "netns", "delete", namespace)


_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_ENVIRONMENT = {**os.environ, "PATH": _PATH}


def _run(*words: str, entered: str | None = None) -> str:
    done = subprocess.run(list(words), input=entered, capture_output=True, text=True, check=False, env=_ENVIRONMENT)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}{done.stdout}"
    return done.stdout
