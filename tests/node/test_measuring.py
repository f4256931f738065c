"""What is left for models, against the system's own figures."""

from __future__ import annotations

import os

import psutil

from exo_core.node.measuring import RESERVED_BYTES, measure_machine
from exo_core.placement_rules.told_backends import DeviceMemory

SLACK = 200 * 10**6
"""What other programs may take or give back between two looks."""


def test_room_for_the_person_is_left() -> None:
    machine = measure_machine(device_memory=None, runner_pids=())
    kept = max(RESERVED_BYTES, machine.memory_total // 10)
    assert machine.memory_total == psutil.virtual_memory().total
    assert abs(machine.memory_at_most - psutil.virtual_memory().available) < SLACK
    assert machine.memory_for_models == machine.memory_at_most - kept


def test_what_runners_hold_already_counts_as_theirs() -> None:
    without = measure_machine(device_memory=None, runner_pids=())
    holding = measure_machine(device_memory=None, runner_pids=(os.getpid(), 0, 2**22 + 1))
    own = psutil.Process().memory_info().rss
    assert abs(holding.memory_for_models - without.memory_for_models - own) < SLACK


def test_no_more_than_the_device_has_and_the_person_gives() -> None:
    for device, most, expected in ((10**8, None, 10**8), (None, 10**7, 10**7), (10**8, 10**7, 10**7), (5, 10**7, 5)):
        limit = None if device is None else DeviceMemory(device)
        machine = measure_machine(device_memory=limit, runner_pids=(), max_memory=most)
        assert (machine.memory_for_models, machine.memory_at_most) == (expected, expected)


def test_memory_that_is_a_devices_own_is_not_bounded_by_the_machines() -> None:
    more = DeviceMemory(2 * psutil.virtual_memory().total, is_own=True)
    machine = measure_machine(device_memory=more, runner_pids=(os.getpid(),))
    assert (machine.memory_for_models, machine.memory_at_most) == (more.size, more.size)
    assert machine.memory_total == psutil.virtual_memory().total
    given = measure_machine(device_memory=more, runner_pids=(), max_memory=10**9)
    assert given.memory_for_models == 10**9
    shared = measure_machine(device_memory=DeviceMemory(more.size), runner_pids=())
    assert shared.memory_at_most < machine.memory_total
