"""Reading a shard does not double its weights in memory, also where they become something else on the way."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from exo_backend_mlx.mlx_device import computes_on_cpu

ModelFolder = Callable[..., Path]
SPARE = 1.35
"""Of the weights: the 64 MB that are read at once, and what Python holds besides."""
LOAD = """
import resource, sys
from pathlib import Path
from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.preparation import prepare_mlx
import mlx_lm.models.llama, mlx_lm.utils
prepare_mlx()
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
before, told = peak(), []
stage = load_stage(Path(sys.argv[1]), 0, 8, compute_type=sys.argv[2], on_read=lambda done, total: told.append(total))
print(peak() - before, told[-1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not computes_on_cpu(), reason="a device's memory is not the process's")
@pytest.mark.parametrize("bits", [None, 4])
@pytest.mark.parametrize("computed", ["stored", "float32"])
def test_the_peak_while_a_model_of_300_mb_in_float32_is_loaded(
    bits: int | None, computed: str, model_folder: ModelFolder
) -> None:
    folder = model_folder(
        layers=8, hidden=1024, vocabulary=384, stored="bfloat16", bits=bits, overrides={"intermediate_size": 2048}
    )
    ran = subprocess.run(
        [sys.executable, "-c", LOAD, str(folder), computed], capture_output=True, text=True, check=True
    )
    peak, weights = map(int, ran.stdout.split())
    assert weights > (250e6 if computed == "float32" else 30e6)
    assert peak < SPARE * weights + (20e6 if computed == "stored" else 0)
