"""Products in pieces are the products, and a model whose layers multiply so answers as it did before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
import pytest
from mlx import nn

from exo_backend_mlx import few_rows, loading
from exo_backend_mlx.few_rows import FEW, cut_products, multiply, piece_width
from exo_backend_mlx.mlx_lm_facade.models import modules_of, parameters
from exo_backend_mlx.testing.step_by_hand import run_stages
from exo_core.requests import Sampling
from exo_engine.steps import Drawn

ModelFolder = Callable[..., Path]
SHAPES = ((576, 576), (1536, 576), (576, 1536), (49152, 64), (14336, 4096), (151936, 896))
NEAR_TIE = 1e-4
WIDE = {"intermediate_size": 3072}


@pytest.mark.parametrize(("outputs", "inputs"), SHAPES)
def test_pieces_are_alike_and_stay_below_what_the_blas_copies_a_matrix_for(outputs: int, inputs: int) -> None:
    for rows in range(1, FEW + 1):
        width = piece_width(rows, outputs, inputs)
        assert outputs % width == 0
        assert width == outputs or (rows * width <= 1200 and rows * width * inputs <= 10**6)
    assert piece_width(1, outputs, inputs) < outputs or outputs * inputs <= 10**6
    assert piece_width(FEW + 1, outputs, inputs) == outputs
    assert piece_width(0, outputs, inputs) == outputs


@pytest.mark.parametrize("rows", [(1, 1), (5, 1), (1, 7), (2, 3), (16, 1), (17, 1), (0, 1)])
@pytest.mark.parametrize("outputs", [600, 1536, 1543])
def test_a_product_in_pieces_is_the_product(rows: tuple[int, int], outputs: int) -> None:
    mx.random.seed(3)
    vectors, matrix = mx.random.normal((*rows, 576)), mx.random.normal((outputs, 576))
    product, whole = multiply(vectors, matrix), vectors @ matrix.T
    assert product.shape == whole.shape
    assert mx.allclose(product, whole, rtol=1e-4, atol=1e-4).item()


class Parts(nn.Module):
    """Layers of every kind that models have."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(3000, 576)
        self.layers = [nn.Linear(576, 1536, bias=True), nn.Linear(1536, 576, bias=False)]
        self.half = nn.Linear(576, 1536)
        self.half.weight = self.half.weight.astype(mx.bfloat16)
        self.packed = nn.QuantizedLinear(576, 1536, group_size=64)


def head(parts: Parts, vectors: mx.array) -> mx.array:
    return cast("Any", parts.embedding).as_linear(vectors)


def test_float32_layers_multiply_in_pieces_and_others_are_left_alone() -> None:
    parts, vectors = Parts(), mx.random.normal((4, 576))
    before, kinds = parameters(parts), {name: type(part) for name, part in modules_of(parts).items()}
    up, down = cast("Sequence[nn.Linear]", parts.layers)
    outputs = [up(vectors), down(up(vectors)), head(parts, vectors)]
    cut_products(parts)
    changed = {name for name, part in modules_of(parts).items() if type(part) is not kinds[name]}
    assert changed == {"embedding", "layers.0", "layers.1"}
    assert all(weight is before[name] for name, weight in parameters(parts).items()), "the memory is the same"
    up, down = cast("Sequence[nn.Linear]", parts.layers)
    for own, whole in zip([up(vectors), down(up(vectors)), head(parts, vectors)], outputs, strict=True):
        assert mx.allclose(own, whole, rtol=1e-4, atol=1e-4).item()
    assert mx.array_equal(parts.embedding(mx.array([7])), parts.embedding.weight[7:8])


@pytest.mark.parametrize("tied", [True, False])
def test_a_model_in_pieces_writes_the_same_text(
    tied: bool, model_folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its greedy tokens are those of the model as it was, until two are as likely."""
    folder = model_folder(architecture="llama", layers=2, hidden=576, overrides={"tie_word_embeddings": tied, **WIDE})
    texts: dict[bool, list[Drawn]] = {}
    for pays in (False, True):
        monkeypatch.setattr(loading, "pieces_pay", lambda pays=pays: pays)
        stage = loading.load_stage(folder, 0, 2)
        texts[pays] = run_stages([stage], range(5, 45), 24, sampling=Sampling(temperature=0, logprobs=2))
    for whole, pieces in zip(texts[False], texts[True], strict=True):
        if whole.token_id != pieces.token_id:
            assert whole.top[0][1] - whole.top[1][1] < NEAR_TIE
            return
        assert pieces.logprob == pytest.approx(whole.logprob, abs=NEAR_TIE)
    assert [token.logprob for token in texts[False]] != [token.logprob for token in texts[True]], "nothing was cut"


@pytest.mark.parametrize(("saved", "pays"), [(0.32, True), (0.68, False)])
def test_pieces_must_save_half_so_that_every_start_decides_alike(
    saved: float, pays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As measured with and without kernels for small products; the clock runs at its worst in every second run."""
    times = iter([each for run in range(few_rows._REPEATS) for each in (1 + run % 2, saved * (1 + run % 2))])  # pyright: ignore[reportPrivateUsage] — one time for each product
    monkeypatch.setattr(few_rows, "computes_on_cpu", lambda: True)
    monkeypatch.setattr(few_rows, "_seconds", lambda product: next(times))  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType] — not called
    few_rows.pieces_pay.cache_clear()
    assert few_rows.pieces_pay() is pays
    few_rows.pieces_pay.cache_clear()


def test_whether_pieces_pay_is_measured_on_a_cpu_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_rows, "computes_on_cpu", lambda: False)
    few_rows.pieces_pay.cache_clear()
    assert not few_rows.pieces_pay()
    few_rows.pieces_pay.cache_clear()
