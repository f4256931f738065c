"""What a process that computes takes beyond weights and caches: at most 150 MB idle and 300 MB under load."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ModelFolder = Callable[..., Path]

SCRIPT = """
import json, sys
from pathlib import Path
import psutil
from exo_backend_mlx.backend import MlxBackend
from exo_core.identifiers import ModelId
from exo_core.requests import Sampling
from exo_core.testing.assignments import even_assignments
from exo_engine.steps import Open, Row

folder = Path(sys.argv[1])
import exo_core.runner.child
backend = MlxBackend()
card = backend.describe(ModelId("m"), folder)
(assignment,) = even_assignments(card, 1, backend="mlx")
engine = backend.load(assignment, generation_base=("p", 1), folder=folder, progress=lambda _: None)
weights = sum(card.layer_bytes) + card.ends.first_bytes + card.ends.last_bytes

def beyond(caches=0):
    return round((psutil.Process().memory_info().rss - weights - caches) / 1e6)

idle = beyond()
stage = engine._stage
for sequence in range(16):
    stage.open(Open(sequence=sequence, choice=0, sampling=Sampling(), prompt_ids=(0,) * 500))
    stage.forward([Row(sequence=sequence, position=0, count=499)], [1] * 499)
most = 0
for position in range(499, 530):
    stage.forward([Row(sequence=one, position=position, count=1, output="token") for one in range(16)], [1] * 16)
    report = stage.report()
    most = max(most, beyond(16 * (report.bytes_per_sequence + position * report.bytes_per_token)))
for sequence in range(16):
    stage.close(sequence, None)
print(json.dumps({"idle": idle, "load": most, "again": beyond()}))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="macOS counts a GPU's buffers in another way")
def test_a_process_takes_little_beyond_weights_and_caches(model_folder: ModelFolder) -> None:
    folder = model_folder(architecture="llama", layers=4, hidden=512, vocabulary=2000)
    ran = subprocess.run([sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, int] = json.loads(ran.stdout)
    assert found["idle"] <= 150, found
    assert found["load"] <= 300, found
    assert found["again"] <= 170, found
