"""How often does the garbage collector stop this process, and for how long?

Each of a thousand requests at once holds some hundred objects, so that by Python's defaults whole collections come
in dozens. Each looks through everything that was ever imported, and nobody is served meanwhile: a third of the time.
"""

from __future__ import annotations

import gc

YOUNG = 10_000
"""Objects made, less those freed, between two collections of the youngest; Python's default is 700."""


def collect_less_garbage() -> None:
    """What is there now stays for good and is not looked through again; new garbage is looked for less often.

    For a process that has imported and built what it needs and goes on for long.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
