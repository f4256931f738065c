"""What is made of mlx's facts about a device. The facts are what mlx tells on such machines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import psutil
import pytest

from exo_backend_mlx.device_memory import DeviceMemory, buffers_to_keep, read_device
from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.mlx_device import device_memory
from exo_backend_mlx.unused_memory import bound_kept_buffers
from exo_backend_mlx.warm_up import Warming

ModelFolder = Callable[..., Path]
MIB, GIB = 2**20, 2**30
SMALL_MAC = {
    "device_name": "Apple M2",
    "architecture": "applegpu_g14g",
    "max_buffer_length": 4 * GIB,
    "max_recommended_working_set_size": 5_726_633_984,
    "memory_size": 8 * GIB,
    "resource_limit": 499_000,
}
LARGE_MAC = SMALL_MAC | {"max_recommended_working_set_size": 115 * GIB, "memory_size": 128 * GIB}
H100 = {
    "device_name": "NVIDIA H100 80GB HBM3",
    "architecture": "sm_90",
    "total_memory": 80 * GIB,
    "free_memory": 60 * GIB,
    "uuid": "GPU-0",
}
PROCESSOR = {"architecture": "x86_64", "device_name": "a processor"}


def test_each_device_tells_in_its_own_words() -> None:
    assert read_device("metal", SMALL_MAC, 1) == DeviceMemory("metal", 8 * GIB, 5_726_633_984)
    assert read_device("cuda", H100, 16 * GIB) == DeviceMemory("cuda", 80 * GIB, 80 * GIB, 60 * GIB)
    assert read_device("cpu", PROCESSOR, 16 * GIB) == DeviceMemory("cpu", 16 * GIB, 16 * GIB)


def test_what_is_not_told_or_makes_no_sense_is_taken_from_the_machine() -> None:
    assert read_device("metal", {}, 8 * GIB) == DeviceMemory("metal", 8 * GIB, 8 * GIB)
    assert read_device("cuda", {"total_memory": 0, "free_memory": "?"}, GIB) == DeviceMemory("cuda", GIB, GIB)
    beyond = {"max_recommended_working_set_size": 2 * GIB, "memory_size": GIB}
    assert read_device("metal", beyond, 4 * GIB).usable == GIB


@pytest.mark.parametrize(
    ("device", "working", "kept"),
    [
        (read_device("cpu", PROCESSOR, 16 * GIB), None, 64 * MIB),
        (read_device("cpu", PROCESSOR, 16 * GIB), 3 * GIB, 64 * MIB),
        (read_device("cpu", PROCESSOR, 400 * GIB), None, GIB),
        (read_device("metal", SMALL_MAC, 1), None, 5_726_633_984 // 20),
        (read_device("metal", SMALL_MAC, 1), 200 * MIB, 200 * MIB),
        (read_device("metal", SMALL_MAC, 1), 3 * GIB, 5_726_633_984 // 20),
        (read_device("metal", LARGE_MAC, 1), 3 * GIB, 3 * GIB),
        (read_device("metal", LARGE_MAC, 1), 1 * MIB, 64 * MIB),
        (read_device("cuda", H100, 1), None, 4 * GIB),
        (read_device("cuda", H100, 1), 9 * GIB, 4 * GIB),
    ],
)
def test_a_processor_keeps_little_and_a_device_what_a_pass_takes(device: DeviceMemory, working: int, kept: int) -> None:
    assert buffers_to_keep(device, working) == kept


def test_mlx_is_told() -> None:
    bound_kept_buffers(123 * MIB)
    expected = buffers_to_keep(device_memory(), 123 * MIB)
    assert mx.set_cache_limit(expected) == expected
    assert 0 < device_memory().total <= max(psutil.virtual_memory().total, device_memory().total)


def test_a_warm_up_measures_what_its_largest_pass_takes(model_folder: ModelFolder) -> None:
    """A chunk of 512 tokens holds at least its hidden states, its feed-forward's inputs and its keys and values."""
    stage = load_stage(model_folder(architecture="llama", layers=2), 0, 2)
    working = Warming(stage, lambda done, total: None).run(chunks_up_to=512, rows=False).working_bytes
    assert working is not None
    assert 512 * 4 * (64 + 2 * 128 + 2 * 2 * 32) < working < 512 * 4 * 20_000
    assert Warming(stage, lambda done, total: None).run(chunks_up_to=0, rows=False).working_bytes is None
