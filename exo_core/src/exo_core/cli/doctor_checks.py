"""What `exo doctor` looks at: each check gives a verdict, what was found, and what mends it."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from rich.console import Console
from rich.text import Text

from exo_core.cli import load_plugins
from exo_core.cli.documents import gigabytes
from exo_core.cli.tables import plain
from exo_core.node.options import DEFAULT_NODE_PORT
from exo_core.plugins.manager import Plugins
from exo_core.runner.one_shot import probe

Verdict = Literal["good", "note", "bad"]
MARKS: dict[Verdict, tuple[str, str]] = {"good": ("✓", "green"), "note": ("!", "yellow"), "bad": ("✗", "red")}
LITTLE_DISK_BYTES = 5e9


@dataclass(frozen=True)
class Check:
    """One line for a person. `mend` is what to type, if anything."""

    subject: str
    verdict: Verdict
    finding: str
    mend: str = ""


async def all_checks(home: Path) -> list[Check]:
    """Everything, in the order in which a person would ask."""
    plugins = load_plugins()
    checks = [*_machine(home), *_plugins(plugins)]
    return checks + [check async for check in _backends(plugins)] + list(_ports())


def _machine(home: Path) -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("Python", "good", version)
    memory = psutil.virtual_memory()
    yield Check("memory", "good", f"{gigabytes(memory.available)} free of {gigabytes(memory.total)}")
    home = home.expanduser().absolute()
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    verdict: Verdict = "good" if free >= LITTLE_DISK_BYTES else "note"
    yield Check("disk", verdict, f"{gigabytes(free)} free at {existing}", "" if verdict == "good" else "make room")


def _plugins(plugins: Plugins) -> Iterator[Check]:
    for report in plugins.reports:
        if report.state == "failed":
            mend = f"uv pip install --upgrade {report.distribution}, or start with --without {report.name}"
            yield Check(f"plugin {report.name}", "bad", report.reason, mend)
    loaded = [report.name for report in plugins.reports if report.state == "loaded"]
    yield Check("plugins", "good" if loaded else "bad", ", ".join(loaded) or "none", "" if loaded else "uv sync")
    if not plugins.transports().names:
        yield Check("transports", "bad", "none: this machine can work alone only", "uv sync --extra tcp")


async def _backends(plugins: Plugins) -> AsyncGenerator[Check]:
    names = plugins.backends().names
    if not names:
        yield Check("backends", "bad", "none: this machine can hold no part of a model", "uv sync --extra mlx-cpu")
    for name in names:
        facts = await probe(plugins, name)
        if not facts.usable:
            yield Check(f"backend {name}", "bad", facts.reason)
            continue
        yield Check(f"backend {name}", "good", facts.device)
        for subject, value in facts.details.items():
            yield Check(f"  {subject.replace('_', ' ')}", "good", str(value))


def _ports() -> Iterator[Check]:
    for port, option in ((DEFAULT_NODE_PORT, "--listen :PORT"), (52415, "--api-port PORT")):
        with socket.socket() as probe_socket:
            in_use = probe_socket.connect_ex(("127.0.0.1", port)) == 0
        finding = "somebody listens there (perhaps exo itself)" if in_use else "free"
        yield Check(f"port {port}", "note" if in_use else "good", finding, f"exo run {option}" if in_use else "")


def print_checks(checks: list[Check]) -> None:
    """A line per check; what mends it below."""
    console = Console(highlight=False)
    width = max(len(check.subject) for check in checks)
    for check in checks:
        line = f" {check.subject:<{width}}  {plain(check.finding)}"
        console.print(Text.assemble(MARKS[check.verdict], line), soft_wrap=True)
        if check.mend:
            console.print(Text(f"  {'':<{width}}  → {check.mend}"), soft_wrap=True)
