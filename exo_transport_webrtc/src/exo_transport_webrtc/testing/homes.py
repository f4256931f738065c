"""Homes behind NATs, joined by an internet on which a rendezvous and a TURN server stand. Documentation addresses."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from exo_core.testing.network_namespaces import Machine, Network

EXO = str(Path(sys.executable).with_name("exo"))
SERVER = "203.0.113.10"
RENDEZVOUS_PORT = 52417
TURN_PORT = 3478
PATIENCE_S = 120.0

Nat = Literal["cone", "symmetric", "no udp"]
RULES = """
table ip nat {{ chain out {{ type nat hook postrouting priority 100; oifname "wan" masquerade {ports}; }}; }}
table inet filter {{
  chain entry {{ type filter hook input priority 0; policy drop; ct state established,related accept; }}
  chain through {{ type filter hook forward priority 0; policy drop;
    {blocked} iifname "lan" accept; ct state established,related accept; }}
}}
"""


def why_no_turn() -> str | None:
    """Why there can be no TURN server here; None when there can."""
    return None if shutil.which("turnserver") else "not installed: turnserver (Debian package coturn)"


class Internet:
    """The namespace between the homes, with the servers on it."""

    def __init__(self, network: Network, folder: Path) -> None:
        self._network = network
        self._folder = folder
        self._switch = network.switch("internet")
        self._homes = 0
        self.server = network.machine("server")
        self.server.plug(self._switch, "wan", f"{SERVER}/24")
        self.server.run("ip", "route", "add", "default", "dev", "wan")  # coturn wants one

    def home(self, nat: Nat, *, forgets_s: int | None = None) -> Machine:
        """A machine behind a router of that kind, which nobody outside can address.

        `forgets_s`: after so many seconds of silence the router forgets who spoke with whom (Linux: 120).
        """
        self._homes += 1
        number = self._homes
        inside = self._network.switch(f"home{number}")
        router = self._network.machine(f"router{number}")
        router.plug(self._switch, "wan", f"203.0.113.{number}/24")
        router.plug(inside, "lan", f"10.{number}.0.1/24")
        router.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        for kind in ("udp_timeout", "udp_timeout_stream") if forgets_s else ():
            router.run("sh", "-c", f"echo {forgets_s} > /proc/sys/net/netfilter/nf_conntrack_{kind}")
        rules = RULES.format(
            ports="fully-random" if nat == "symmetric" else "",
            blocked='iifname "lan" meta l4proto udp drop;' if nat == "no udp" else "",
        )
        router.run("sh", "-c", f"echo '{rules}' | nft -f -")
        machine = self._network.machine(f"machine{number}")
        machine.plug(inside, "eth0", f"10.{number}.0.2/24")
        machine.run("ip", "route", "add", "default", "via", f"10.{number}.0.1")
        return machine

    @contextmanager
    def servers(self) -> Generator[None]:
        """A rendezvous, and coturn for STUN and TURN."""
        turn = ["turnserver", "-n", "--listening-ip", SERVER, "--relay-ip", SERVER, "--lt-cred-mech", "--realm", "exo"]
        turn += ["--user", "exo:exo", "--no-tls", "--no-dtls", "--no-cli", "--log-file", "stdout", "--simple-log"]
        turn += ["--pidfile", str(self._folder / "turn.pid")]
        rendezvous = [EXO, "rendezvous", "--host", SERVER, "--port", str(RENDEZVOUS_PORT)]
        running = [self._start("turn", turn), self._start("rendezvous", rendezvous)]
        try:
            yield
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(10)

    def _start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.out").open("wb") as output:
            return subprocess.Popen(self.server.command(*command), stdout=output, stderr=output, cwd=self._folder)


class HomeNode:
    """`exo run --transport webrtc` on a machine in a home. Commands reach it by its folder, which all share."""

    def __init__(
        self, machine: Machine, folder: Path, *, turn: str | None, rendezvous: bool, front_door: bool = False
    ) -> None:
        self.machine = machine
        self._front_door = front_door
        self.folder = folder
        self._environment = {
            **os.environ,
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "EXO_WEBRTC_STUN": f"stun:{SERVER}:{TURN_PORT}",
        }
        if turn is not None:
            self._environment["EXO_WEBRTC_TURN"] = turn
            self._environment |= {"EXO_WEBRTC_TURN_USER": "exo", "EXO_WEBRTC_TURN_PASSWORD": "exo"}
        if rendezvous:
            self._environment["EXO_WEBRTC_RENDEZVOUS"] = f"http://{SERVER}:{RENDEZVOUS_PORT}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        """Start it and do not wait."""
        words = [EXO, "run", "--home", str(self.folder), "--name", self.machine.name, "--transport", "webrtc", "-v"]
        words += ["--api-port", "0"] if self._front_door else ["--no-api"]
        words += ["--no-discovery", *arguments]
        with self.folder.with_suffix(".out").open("ab") as output:
            self._process = subprocess.Popen(
                self.machine.command(*words), stdout=output, stderr=output, env=self._environment
            )

    @property
    def output(self) -> str:
        """All that it wrote."""
        return self.folder.with_suffix(".out").read_text(errors="replace")

    def exo(self, *arguments: str) -> str:
        """What a command says; fails the test when that fails."""
        done = self.tried(*arguments)
        assert done.returncode == 0, f"exo {' '.join(arguments)}: {done.stderr}\n{self.output}"
        return done.stdout

    def tried(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command that may fail."""
        assert self._process is None or self._process.poll() is None, f"{self.machine.name} ended: {self.output}"
        environment = {**self._environment, "EXO_HOME": str(self.folder)}
        return subprocess.run(
            [EXO, *arguments], capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False
        )

    def inviting(self) -> subprocess.Popen[str]:
        """`exo invite --by-hand`, which writes an offer and reads the answer."""
        environment = {**self._environment, "EXO_HOME": str(self.folder)}
        return subprocess.Popen(
            [EXO, "invite", "--by-hand"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def wait_until_it_runs(self) -> None:
        """Wait until commands reach it."""
        deadline = time.monotonic() + PATIENCE_S
        while self.tried("status", "--json").returncode != 0:
            assert time.monotonic() < deadline, self.output
            time.sleep(0.3)

    def stop(self) -> None:
        """As a person does; by force if that takes too long."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
