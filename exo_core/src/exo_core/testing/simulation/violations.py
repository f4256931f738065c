"""A promise that was broken."""

from __future__ import annotations

from typing import Literal

PromiseName = Literal[
    "lost",
    "doubled",
    "reordered",
    "diverged",
    "epoch went back",
    "two masters",
    "too few disks",
    "stopped",
    "unfulfilled",
    "crashed",
    "stuck",
]


class Violation(AssertionError):
    """`promise` names which one; the text says what happened."""

    def __init__(self, *, promise: PromiseName, what: str) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise
