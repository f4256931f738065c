"""Sizes as people type them."""

from __future__ import annotations

import re

_UNITS = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip


def bytes_of(word: str, *, whole: int) -> int | None:
    """`12GB` and `12 g` are 12·10⁹ bytes, `8GiB` 8·2³⁰, `60%` a part of `whole`; None for what is no size above 0."""
    found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z]{0,3}|%)", word.strip())
    if found is None:
        return None
    number, unit = float(found[1]), found[2].lower()
    if unit == "%":
        return int(whole * number / 100) if 0 < number <= 100 else None
    count = int(number * _UNITS.get(unit, 0))
    return count if 0 < count < 2**63 else None
