"""The texts that a person carries between two machines, where programs write them."""

from __future__ import annotations

import re


def carried(written: str, kind: str) -> str:
    """The `offer` or the `answer` in what a program wrote; empty while it is not whole."""
    found = re.search(rf"exo-{kind}-1[a-z2-7\s]*\.", written)
    return found.group() if found else ""
