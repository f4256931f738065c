"""Real nodes and a hub: each machine brings the tensors it computes with, once, and goes on where it was killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.error import HTTPError

import pytest

from exo_backend_mlx.shard_parts import shard_parts
from exo_backend_mlx.testing.random_models import write_random_model
from exo_core.cli.documents import as_number, as_text, objects
from exo_core.frozen import JsonObject, JsonValue
from exo_core.model_files.safetensors_headers import read_header
from exo_core.testing.node_process import NodeProcess, eventually, joined

if TYPE_CHECKING:
    from local_hub import LocalHub

MODEL, LARGE, WEIGHTS = "mlx-community/random-4bit", "mlx-community/random-large", "model.safetensors"
BLOCK = 8 * 1024 * 1024
pytestmark = pytest.mark.timeout(300)  # processes start and load on whatever else the machine does


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quantised model of six layers, as third parties put them on the hub."""
    folder = tmp_path_factory.mktemp("published")
    return write_random_model(folder, architecture="llama", layers=6, hidden=128, bits=4, seed=3)


@pytest.fixture(scope="module")
def hub(published: Path) -> Iterator[LocalHub]:
    """It has the model; nodes ask it under their own names."""
    from local_hub import running_hub

    with running_hub() as running:
        running.publish(MODEL, published)
        yield running


def node_of(hub: LocalHub, folder: Path, name: str) -> NodeProcess:
    settings = {"HF_ENDPOINT": hub.endpoint(name), "HF_HOME": str(folder / f"hf-{name}"), "HF_TOKEN": ""}
    return NodeProcess(folder / name, name, environment=settings)


@pytest.fixture(scope="module")
def nodes(hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[NodeProcess]]:
    """Two nodes of one cluster."""
    folder = tmp_path_factory.mktemp("cluster")
    made = [node_of(hub, folder, name) for name in ("alpha", "beta")]
    try:
        joined(made)
        yield made
    finally:
        for node in made:
            node.kill()


def say(node: NodeProcess, model: str) -> str:
    return node.exo("chat", model, "What is exo?", "--temperature", "0", "--max-tokens", "16").stdout


def downloads(node: NodeProcess, model: str) -> list[JsonObject]:
    return [item for item in objects(cast("JsonValue", node.get("/downloads"))) if item["model_id"] == model]


def test_adding_a_model_reads_what_describes_it_and_no_weights(
    nodes: list[NodeProcess], hub: LocalHub, published: Path
) -> None:
    alpha, _ = nodes
    assert "added mlx-community/random-4bit" in alpha.exo("models", "add", MODEL).stdout
    header = read_header(published / WEIGHTS).data_start
    assert hub.sent_to("alpha", WEIGHTS) == header
    assert hub.sent_to("beta") == 0


def test_each_machine_brings_its_own_tensors_and_the_answer_is_the_models(
    nodes: list[NodeProcess], hub: LocalHub, published: Path
) -> None:
    alpha, beta = nodes
    placed = alpha.place(MODEL, "--min-nodes", "2")
    answer = say(beta, MODEL)
    assert answer == say(alpha, MODEL) != "\n"
    header = read_header(published / WEIGHTS)
    for shard in objects(alpha.instance(placed)["shards"]):
        node = next(node for node in nodes if node.node_id == shard["node_id"])
        layers = (int(as_number(shard["start_layer"])), int(as_number(shard["end_layer"])))
        (part,) = shard_parts(published, *layers)
        share = header.data_start + sum(header.tensors[name].size for name in part.tensors or ())
        assert 0 < hub.sent_to(node.name, WEIGHTS) <= share < 0.8 * (published / WEIGHTS).stat().st_size
    assert hub.sent_to("beta") + hub.sent_to("alpha") <= sum(path.stat().st_size for path in published.iterdir())
    alpha.exo("remove", placed)
    whole = alpha.place(str(published), "--nodes", "alpha")
    assert say(alpha, str(published)) == answer, "the same as of the folder, whole and on one machine"
    alpha.exo("remove", whole)


def test_the_rest_is_downloaded_and_shown(nodes: list[NodeProcess], hub: LocalHub, published: Path) -> None:
    alpha, beta = nodes
    for _ in range(2):
        assert alpha.exo("models", "download", MODEL, "--nodes", "beta").stdout == f"{MODEL} is on beta\n"
    size = sum(path.stat().st_size for path in published.iterdir())
    for node in nodes:
        (shown,) = eventually(lambda node=node: downloads(node, MODEL), "beta's download is known")
        assert (shown["node"], shown["status"], shown["done"], shown["total"]) == ("beta", "finished", size, size)
    assert hub.sent_to("alpha") + hub.sent_to("beta") <= size, "what alpha had came from there, and nothing twice"
    folder = Path(beta.exo("models", "path", MODEL).stdout.strip())
    assert (folder / WEIGHTS).read_bytes() == (published / WEIGHTS).read_bytes()
    before = hub.sent_to("alpha")
    alpha.exo("models", "download", MODEL)
    assert hub.sent_to("alpha") == before, "what a member has is not asked of the hub"


def test_a_node_that_is_killed_while_it_downloads_goes_on_where_it_was(hub: LocalHub, tmp_path: Path) -> None:
    folder = write_random_model(tmp_path / "large", architecture="llama", layers=5, hidden=512, seed=4)
    hub.publish(LARGE, folder)
    size = (folder / WEIGHTS).stat().st_size
    assert size > 4 * BLOCK
    node = node_of(hub, tmp_path, "gamma")
    try:
        node.start()
        hub.bytes_per_s = 20e6
        node.exo("models", "add", LARGE)
        placed = node.exo("place", LARGE, "--no-wait").stdout.strip()

        def half() -> bool:
            return any(as_number(item["done"]) > 2.5 * BLOCK for item in downloads(node, LARGE))

        eventually(half, "some of it came")
        node.power_off()
        came = hub.sent_to("gamma", WEIGHTS)
        assert came < size
        hub.bytes_per_s = None
        node.start()
        eventually(lambda: as_text(node.instance(placed).get("status")) == "ready", "it is ready, unasked")
        assert say(node, LARGE)
        assert hub.sent_to("gamma", WEIGHTS) < size + 2 * BLOCK, "blocks that were safe did not come again"
        node.stop()
        node.start("--offline")
        eventually(lambda: as_text(node.instance(placed).get("status")) == "ready", "it needs no hub any more")
        refused = node.exo("models", "add", "mlx-community/other", check=False)
        assert refused.returncode == 1
        assert "this node is offline by wish (--offline)" in refused.stderr
    finally:
        hub.bytes_per_s = None
        node.kill()


def test_what_the_hub_does_not_have_is_told_in_one_line(nodes: list[NodeProcess]) -> None:
    alpha, _ = nodes
    for words in (("models", "add"), ("place",), ("models", "download"), ("chat",)):
        refused = alpha.exo(*words, "org/missing", *(("Hello",) if words == ("chat",) else ()), check=False)
        assert refused.returncode == 1
        assert "there is no org/missing at http://127.0.0.1" in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_a_client_starts_no_download(nodes: list[NodeProcess], hub: LocalHub) -> None:
    """A program may ask for any name; only what is known or at hand is placed."""
    alpha, _ = nodes
    asked = len(hub.listed)
    with pytest.raises(HTTPError, match="404"):
        alpha.post("/v1/chat/completions", {"model": "org/other", "messages": [{"role": "user", "content": "Hi"}]})
    assert len(hub.listed) == asked
