"""`exo --help` is quick, because it imports almost nothing."""

from __future__ import annotations

import compileall
import os
import statistics
import subprocess
import sys
import sysconfig
from importlib.metadata import entry_points
from pathlib import Path

from exo_core.plugins.loader import GROUP

SCRIPT = Path(sysconfig.get_path("scripts")) / "exo"
CPU_SECONDS = 0.3
RUNS = 5

LIST_MODULES = """
import sys
from exo_core.cli import main
sys.argv = ["exo", "--help"]
try:
    main()
finally:
    print("\\n".join(sorted(sys.modules)), file=sys.stderr)
"""


def test_help_costs_less_than_300_ms_of_processor_time() -> None:
    for name in ("click", "pluggy", *our_packages()):
        compileall.compile_dir(folder_of(name), quiet=2)
    seconds = [processor_seconds([str(SCRIPT), "--help"]) for _ in range(RUNS)]
    assert statistics.median(seconds) < CPU_SECONDS, seconds


def test_help_imports_click_pluggy_the_standard_library_and_entry_modules_only() -> None:
    done = subprocess.run([sys.executable, "-c", LIST_MODULES], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    assert "Commands:" in done.stdout
    allowed = {"__main__", "click", "pluggy", "exo_core", *sys.stdlib_module_names}
    entries = {point.value for point in entry_points(group=GROUP)}
    packages = {value.partition(".")[0] for value in entries}
    assert [name for name in loaded if name.partition(".")[0] not in allowed | packages] == []
    beyond = [name for name in loaded if name.partition(".")[0] in packages and name not in entries | packages]
    assert [name for name in beyond if not name.endswith(".hookspecs")] == []


def our_packages() -> set[str]:
    """The core and the packages of all plugins."""
    return {"exo_core", *(point.value.partition(".")[0] for point in entry_points(group=GROUP))}


def folder_of(package: str) -> str:
    """Where a package lies."""
    return str(Path(str(__import__(package).__file__)).parent)


def processor_seconds(command: list[str]) -> float:
    """User and system time of one run, which must succeed."""
    before = os.times()
    subprocess.run(command, capture_output=True, check=True)
    after = os.times()
    return (after.children_user + after.children_system) - (before.children_user + before.children_system)
