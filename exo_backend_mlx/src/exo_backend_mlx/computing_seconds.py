"""How long does mlx compute something, whatever else the machine does meanwhile?"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, process_time

from exo_backend_mlx.mlx_device import computes_on_cpu


def computing_seconds(work: Callable[[], object]) -> float:
    """Seconds by the clock; on a CPU those for which this process had processors, where these are fewer.

    What others had of the processors meanwhile is in the first, threads that wait for each other by spinning are in
    the second. Neither is less than `work` takes on a machine that does nothing else.
    """
    began, had = perf_counter(), process_time()
    work()
    by_clock, of_processors = perf_counter() - began, process_time() - had
    return min(by_clock, of_processors) if computes_on_cpu() else by_clock
