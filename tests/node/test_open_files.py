"""A node may open as many files as its machine lets it, not as few as a shell's default."""

from __future__ import annotations

import subprocess
import sys

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
