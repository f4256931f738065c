"""The backend's engines, one stage and two, through the contract the runner uses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from exo_backend_mlx.backend import MlxBackend
from exo_core.backends import Engine, LoadProgress
from exo_core.identifiers import InstanceId, ModelId, NodeId, PlacementId, RequestId, RunnerId
from exo_core.placement import Placement, Shard, ShardAssignment
from exo_core.requests import Accepted, ChatPrompt, Generate, Sampling, TokenPrompt
from exo_core.testing.engine_threads import EngineThreads, chunks_of, text_of

ModelFolder = Callable[..., Path]
LAYERS = 4


def engines(folder: Path, cuts: tuple[int, ...], progress: Callable[[LoadProgress], None]) -> EngineThreads:
    backend = MlxBackend()
    card = backend.describe(ModelId("m"), folder)
    edges = (0, *cuts, card.layers)
    shards = tuple(
        Shard(
            runner_id=RunnerId(f"r{stage}"), node_id=NodeId("n"), stage=stage, stages=len(edges) - 1,
            start_layer=edges[stage], end_layer=edges[stage + 1],
        )
        for stage in range(len(edges) - 1)
    )  # fmt: skip
    placement = Placement(
        placement_id=PlacementId("p"), parallel="pipeline", backend="mlx", shards=shards, prefill_chunk=16
    )

    def load(shard: Shard) -> Engine:
        assignment = ShardAssignment(instance_id=InstanceId("i"), card=card, placement=placement, shard=shard)
        return backend.load(assignment, generation_base=("p", 1), folder=folder, progress=progress)

    return EngineThreads([lambda shard=shard: load(shard) for shard in shards])


def ask(**fields: object) -> Generate:
    chat = ChatPrompt(messages=({"role": "user", "content": "What is 17 + 25? " * 6},))
    return Generate.model_validate({"request_id": RequestId("r"), "prompt": chat, "max_tokens": 40, **fields})


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gemma3_text"])
def test_a_split_instance_says_what_one_node_says(architecture: str, model_folder: ModelFolder) -> None:
    folder = model_folder(architecture=architecture, layers=LAYERS)
    request = ask(sampling=Sampling(temperature=0, ignore_eos=True, logprobs=3))
    said: list[object] = []
    for cuts in [(), (2,), (1, 3)]:
        with engines(folder, cuts, lambda progress: None) as threads:
            answers = threads.ask(request)
        assert isinstance(answers[0], Accepted)
        assert len(chunks_of(answers)) == 40
        assert chunks_of(answers)[-1].finish == "length"
        said.append((text_of(answers), [chunk.logprobs for chunk in chunks_of(answers)]))
    assert said == said[:1] * 3


NEAR_TIE = 1e-4


@pytest.mark.parametrize("architecture", ["llama", "gemma3_text"])
@pytest.mark.parametrize("cuts", [(), (1, 3)])
def test_many_requests_at_once_say_what_each_says_alone(
    architecture: str, cuts: tuple[int, ...], model_folder: ModelFolder
) -> None:
    """Greedy, over one stage and three, with beginnings in common: equal until the two best lie within 1e-4."""
    folder = model_folder(architecture=architecture, layers=LAYERS)
    sampling = Sampling(temperature=0, ignore_eos=True, logprobs=2)
    prompts = [(*((7 * at) % 300 for at in range(20 + 5 * number)), number) for number in range(12)]
    requests = [
        ask(request_id=RequestId(f"r{number}"), prompt=TokenPrompt(token_ids=prompt), sampling=sampling)
        for number, prompt in enumerate(prompts)
    ]
    with engines(folder, (), lambda progress: None) as threads:
        alone = [chunks_of(threads.ask(request)) for request in requests]
    with engines(folder, cuts, lambda progress: None) as threads:
        asked = [threads.submit(request) for request in requests]
        together = [chunks_of(list(answers)) for answers in asked]
    for expected, found in zip(alone, together, strict=True):
        assert len(found) == len(expected) == 40
        for one, other in zip(found, expected, strict=True):
            if one.token_id != other.token_id:
                assert other.logprobs is not None
                best, next_best = other.logprobs.top[:2]
                assert best.logprob - next_best.logprob < NEAR_TIE
                break


def test_a_sampled_answer_taken_up_elsewhere_goes_on_as_it_would_have(model_folder: ModelFolder) -> None:
    folder = model_folder(architecture="llama", layers=LAYERS)
    sampling = Sampling(temperature=1.0, seed=3, top_p=0.9, top_k=50, ignore_eos=True)
    with engines(folder, (), lambda progress: None) as threads:
        whole = chunks_of(threads.ask(ask(sampling=sampling)))
    delivered = tuple(chunk.token_id for chunk in whole[:15])
    with engines(folder, (2,), lambda progress: None) as threads:
        rest = chunks_of(threads.ask(ask(sampling=sampling, attempt=1, delivered=(delivered,))))
    assert [chunk.token_id for chunk in rest] == [chunk.token_id for chunk in whole[15:]]
    assert "".join(chunk.text for chunk in whole).endswith("".join(chunk.text for chunk in rest))


def test_loading_reports_bytes_and_the_warm_up(model_folder: ModelFolder) -> None:
    folder = model_folder(architecture="llama", layers=LAYERS)
    told: list[LoadProgress] = []
    with engines(folder, (), told.append):
        pass
    loading = [progress for progress in told if progress.phase == "loading"]
    assert loading[0].done == 0
    weights = (folder / "model.safetensors").stat().st_size - _header(folder)
    assert loading[-1].done == loading[-1].total == weights
    assert told[-1] == LoadProgress(phase="warming_up", done=1, total=1)


def _header(folder: Path) -> int:
    content = (folder / "model.safetensors").read_bytes()
    return 8 + int.from_bytes(content[:8], "little")


def test_token_ids_are_taken_as_they_are(model_folder: ModelFolder) -> None:
    with engines(model_folder(architecture="llama", layers=LAYERS), (), lambda progress: None) as threads:
        answers = threads.ask(ask(prompt=TokenPrompt(token_ids=(5, 6, 7)), max_tokens=3))
    assert isinstance(answers[0], Accepted)
    assert answers[0].prompt_ids == (5, 6, 7)


def test_the_entry_module_imports_nothing_heavy() -> None:
    script = "import sys, exo_backend_mlx.plugin, exo_backend_mlx.backend; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"mlx", "mlx.core", "mlx_lm", "transformers", "numpy"} & set(modules)


PROBE = "from exo_backend_mlx.backend import MlxBackend; print(MlxBackend().probe().model_dump_json())"


def test_the_probe_names_device_and_version() -> None:
    from exo_core.backends import BackendFacts

    ran = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    facts = BackendFacts.model_validate_json(ran.stdout)
    assert facts.usable
    assert facts.device
    assert {"mlx", "mlx-lm"} <= facts.details.keys()
    if facts.device.startswith("CPU") and sys.platform.startswith("linux"):
        assert "OpenBLAS" in str(facts.details["blas"])
        assert "GFLOP/s" in str(facts.details["blas"])
    elif not facts.device.startswith("CPU"):
        assert facts.memory_for_models


WITHOUT_MLX = "import sys; sys.modules['mlx'] = None; " + PROBE


def test_without_mlx_the_probe_says_what_to_install() -> None:
    ran = subprocess.run([sys.executable, "-c", WITHOUT_MLX], capture_output=True, text=True, check=True)
    assert '"usable":false' in ran.stdout
    assert "uv sync --extra mlx" in ran.stdout
