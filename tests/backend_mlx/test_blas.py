"""The BLAS that mlx calls on Linux, replaced and not, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from exo_backend_mlx.blas_threads import default_blas_threads, processors_of_quota, usable_processors

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mlx uses Accelerate on macOS")

MEASURE = """
import json
import mlx.core as mx
from exo_backend_mlx.blas import measure_matmul, set_blas_threads, use_fast_blas
report = use_fast_blas()
set_blas_threads(1)
with mx.stream(mx.cpu):
    mx.random.seed(7)
    left, right = mx.random.normal((200, 300)), mx.random.normal((300, 100))
    speed = measure_matmul(512)
    wide = [left.astype(kind) @ right.astype(kind) for kind in (mx.float32, mx.float64, mx.complex64)]
    sums = [float(mx.abs(product).sum().item()) for product in wide]
print(json.dumps({"report": report.model_dump(), "speed": speed, "sums": sums, "corner": wide[0][:3, :3].tolist()}))
"""


def measure(**environment: str) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, env={**os.environ, **environment}, check=True
    )
    return cast("dict[str, Any]", json.loads(ran.stdout))


@pytest.fixture(scope="module")
def replaced() -> dict[str, Any]:
    return measure()


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    return measure(EXO_MLX_BLAS="off")


def test_openblas_takes_the_place_of_the_reference_blas(replaced: dict[str, Any]) -> None:
    assert replaced["report"]["state"] == "replaced", replaced["report"]["reason"]
    assert replaced["report"]["name"].startswith("OpenBLAS")
    assert Path(replaced["report"]["path"]).exists()


def test_products_agree(replaced: dict[str, Any], kept: dict[str, Any]) -> None:
    assert replaced["sums"] == pytest.approx(kept["sums"], rel=1e-5)
    for fast, slow in zip(replaced["corner"], kept["corner"], strict=True):
        assert fast == pytest.approx(slow, rel=1e-4, abs=1e-4)


def test_it_is_more_than_three_times_as_fast_with_one_thread(replaced: dict[str, Any], kept: dict[str, Any]) -> None:
    assert replaced["speed"] > 3 * kept["speed"]


def test_mlx_is_left_alone_when_asked(kept: dict[str, Any]) -> None:
    assert kept["report"]["state"] == "kept"
    assert kept["report"]["reason"] == "EXO_MLX_BLAS=off"


def test_a_library_that_is_not_there_leaves_mlx_as_it_is(tmp_path: Path) -> None:
    outcome = measure(EXO_MLX_BLAS=str(tmp_path / "libopenblas.so"))
    assert outcome["report"]["state"] == "kept"
    assert str(tmp_path) in outcome["report"]["reason"]
    assert outcome["sums"][0] > 0


def test_a_library_that_is_no_blas_leaves_mlx_as_it_is() -> None:
    outcome = measure(EXO_MLX_BLAS="libm.so.6")
    assert outcome["report"]["state"] == "kept"
    assert "has no openblas_get_config" in outcome["report"]["reason"]


@pytest.mark.skipif(usable_processors() < 2, reason="OpenBLAS never takes more threads than there are processors")
def test_the_number_of_threads_is_taken_from_the_environment() -> None:
    assert measure(OPENBLAS_NUM_THREADS="2")["report"]["threads"] == 2


def test_half_of_the_processors_multiply_by_default(replaced: dict[str, Any]) -> None:
    assert replaced["report"]["threads"] == max(1, usable_processors() // 2)
    assert default_blas_threads({"OMP_NUM_THREADS": "3"}) is None


@pytest.mark.parametrize(
    ("text", "processors"), [("max 100000", None), ("", None), ("200000 100000", 2), ("50000 100000", 1)]
)
def test_the_quota_of_a_container_counts(text: str, processors: int | None) -> None:
    assert processors_of_quota(text) == processors
