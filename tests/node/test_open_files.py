"""A node may open as many files as its machine lets it, not as few as a shell's default."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import resource
from exo_core.node.open_files import allow_many_open_files
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (128, min(hard, 2000)))
allow_many_open_files()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_the_soft_limit_becomes_the_hard_one() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    soft, hard = map(int, ran.stdout.split())
    assert soft == hard > 128


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no other system says it")
def test_there_is_room_for_many_from_the_beginning() -> None:
    program = "from exo_core.node import open_files; open_files.allow_many_open_files(); "
    program += "print(open_files.ROOM, open('/proc/self/status').read().partition('FDSize:')[2].split()[0])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    room, size = map(int, ran.stdout.split())
    assert size >= room
