"""A folder that lies on one machine only is split over two: the other brings its own shard from there, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from exo_backend_mlx.shard_parts import shard_parts
from exo_backend_mlx.testing.random_models import write_random_model
from exo_core.cli.documents import as_list, as_number, as_text, objects
from exo_core.frozen import JsonValue
from exo_core.model_files.byte_ranges import ByteRange, total
from exo_core.model_files.partial_file import PartialFile, is_whole
from exo_core.model_files.safetensors_headers import read_header
from exo_core.testing.node_process import NodeProcess, eventually, joined

PROMPT = "What is exo?"
LAYERS = 6
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[NodeProcess]]:
    """Two nodes of one cluster. The second sees no folder of the first, though they share this test's disk."""
    folder = tmp_path_factory.mktemp("cluster")
    made = [NodeProcess(folder / "alpha", "alpha"), NodeProcess(folder / "beta", "beta", "--without", "folder")]
    try:
        joined(made)
        yield made
    finally:
        for node in made:
            node.kill()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder that alpha has."""
    folder = tmp_path_factory.mktemp("on alpha") / "qwen3"
    return str(write_random_model(folder, architecture="qwen3", layers=LAYERS, seed=7))


def say(node: NodeProcess, model: str) -> str:
    """The likeliest answer, typed at a terminal of this node."""
    return node.exo("chat", model, PROMPT, "--temperature", "0", "--max-tokens", "24").stdout


def holders(node: NodeProcess, model: str) -> list[str]:
    """Who has it complete, as this node knows."""
    models = cast("list[JsonValue]", node.get("/models"))
    (found,) = [item for item in objects(models) if item["id"] == model]
    return sorted(as_text(holder) for holder in as_list(found["on_disk"]))


def brought_to(node: NodeProcess) -> Path:
    """The one folder of a model that came from another member."""
    (folder,) = (node.home / "models").iterdir()
    return folder


def test_a_shard_comes_from_the_member_that_has_the_folder(nodes: list[NodeProcess], model: str) -> None:
    alpha, beta = nodes
    whole = alpha.place(model, "--nodes", alpha.node_id)
    expected = say(alpha, model)
    assert expected.strip()
    alpha.exo("remove", whole)

    split = beta.place(model, "--min-nodes", "2")
    for node in nodes:
        assert say(node, model) == expected, f"asked from {node.name}"

    (layers,) = [shard for shard in objects(alpha.instance(split)["shards"]) if shard["node_id"] == beta.node_id]
    check_only_this_shard_was_brought(
        brought_to(beta), Path(model), int(as_number(layers["start_layer"])), int(as_number(layers["end_layer"]))
    )
    assert not any((alpha.home / "models").rglob("*")), "who has the folder brings nothing"
    for node in nodes:
        eventually(lambda node=node: holders(node, model) == [alpha.node_id], "a part of a model is not on disk")
    beta.exo("remove", split)


def check_only_this_shard_was_brought(folder: Path, original: Path, start: int, end: int) -> None:
    """Of the weights the header and the shard's own tensors, bit for bit; the other files whole."""
    header, size = read_header(original / WEIGHTS), (original / WEIGHTS).stat().st_size
    (part,) = shard_parts(original, start, end)
    wanted = [ByteRange(0, header.data_start), *(header.range_of(name) for name in part.tensors or ())]
    file = PartialFile(folder / WEIGHTS, size)
    assert file.missing(wanted) == []
    assert size - total(file.missing([ByteRange(0, size)])) == total(wanted) < 0.8 * size
    here, there = (folder / WEIGHTS).read_bytes(), (original / WEIGHTS).read_bytes()
    assert all(here[first:last] == there[first:last] for first, last in wanted)
    for other in original.glob("*.json"):
        assert (folder / other.name).read_bytes() == other.read_bytes()


def test_the_rest_is_added_and_then_the_first_machine_is_not_needed(nodes: list[NodeProcess], model: str) -> None:
    alpha, beta = nodes
    beta.stop()
    beta.start()
    file, size = brought_to(beta) / WEIGHTS, (Path(model) / WEIGHTS).stat().st_size
    assert not is_whole(file, size)
    alone = beta.place(model, "--nodes", beta.node_id)
    assert is_whole(file, size)
    assert file.read_bytes() == (Path(model) / WEIGHTS).read_bytes()
    both = sorted([alpha.node_id, beta.node_id])
    for node in nodes:
        eventually(lambda node=node: holders(node, model) == both, "both have it complete")
    expected = say(alpha, model)
    alpha.stop()
    assert say(beta, model) == expected, "it needs the first machine no more"
    alpha.start()
    beta.exo("remove", alone)


def test_a_folder_that_is_gone_is_told_by_name(nodes: list[NodeProcess], tmp_path: Path) -> None:
    alpha, beta = nodes
    folder = write_random_model(tmp_path / "short-lived", layers=2, seed=1)
    alpha.exo("models", "add", str(folder))
    assert alpha.exo("models", "path", str(folder)).stdout.strip() == str(folder)
    eventually(lambda: holders(beta, str(folder)) == [alpha.node_id], "alpha has it")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert "does not lie in a folder of this machine" in alpha.exo("models", "path", str(folder), check=False).stderr
    failed = beta.exo("place", str(folder), "--nodes", beta.node_id, check=False)
    assert failed.returncode == 1
    assert "cannot be brought to this machine" in failed.stderr
    assert "no other member that can be reached has it" in failed.stderr
