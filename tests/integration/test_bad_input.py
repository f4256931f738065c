"""Bad input gets one clear line that says what to do, and changes nothing."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from openai import NotFoundError, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from exo_backend_mlx.testing.random_models import write_random_model
from exo_core.testing.node_process import JsonObject, NodeProcess, eventually, joined

MakeNode = Callable[..., NodeProcess]
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello!"}]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """One node for all of these."""
    alpha = NodeProcess(tmp_path_factory.mktemp("node") / "alpha", "alpha", "--offline")
    joined([alpha])  # also waits until it has said what it is, so that nothing more enters the log by itself
    yield alpha
    alpha.kill()


def instances_of(node: NodeProcess) -> dict[str, JsonObject]:
    return cast("dict[str, JsonObject]", node.state["instances"])


def settled_log(node: NodeProcess) -> JsonObject:
    """The node's log once nothing enters it by itself any more: what earlier commands brought comes a bit later."""

    def unchanged() -> JsonObject | None:
        seen = cast("JsonObject", node.state["log"])
        time.sleep(0.5)
        return seen if node.state["log"] == seen else None

    return eventually(unchanged, "the log is at rest")


def refusal(node: NodeProcess, *arguments: str) -> str:
    """The one line on stderr of a command that must fail and change nothing."""
    before = settled_log(node)
    result = node.exo(*arguments, check=False)
    assert result.returncode == 1, result
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 1, result.stderr
    assert result.stdout == ""
    assert node.state["log"] == before, "nothing may enter the log"
    return lines[0]


def test_an_unknown_model(node: NodeProcess, client_of: Callable[[NodeProcess], OpenAI]) -> None:
    assert "nobody/has-this would have to be fetched" in refusal(node, "place", "nobody/has-this")
    with pytest.raises(NotFoundError, match="nobody/has-this"):
        client_of(node).chat.completions.create(
            model="nobody/has-this", messages=[{"role": "user", "content": "Hello!"}]
        )


def test_a_path_that_is_no_model(node: NodeProcess, tmp_path: Path) -> None:
    assert "is not a folder" in refusal(node, "place", str(tmp_path / "missing"))
    assert "config.json" in refusal(node, "place", str(tmp_path))


def test_a_broken_config(node: NodeProcess, tmp_path: Path) -> None:
    folder = write_random_model(tmp_path / "model")
    (folder / "config.json").write_text('{"model_type": ')
    assert "config.json" in refusal(node, "place", str(folder))


def test_a_config_of_no_known_architecture(node: NodeProcess, tmp_path: Path) -> None:
    folder = write_random_model(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "abacus"}))
    assert "abacus" in refusal(node, "place", str(folder))


def test_truncated_weights(node: NodeProcess, tmp_path: Path) -> None:
    folder = write_random_model(tmp_path / "model")
    weights = next(folder.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1000])
    assert weights.name in refusal(node, "place", str(folder))


def test_more_nodes_than_there_are(node: NodeProcess) -> None:
    result = node.exo("place", "tiny", "--min-nodes", "5", check=False)
    assert result.returncode == 1
    assert "5" in result.stderr
    for name, instance in instances_of(node).items():
        if instance["status"] == "waiting":
            node.exo("remove", name)
    assert instances_of(node) == {}


def test_an_unknown_instance_and_an_unknown_node(node: NodeProcess) -> None:
    assert "no instance" in refusal(node, "remove", "i-nothing")
    assert "no node named" in refusal(node, "place", "tiny", "--nodes", "nobody")


def test_commands_without_a_node_say_how_to_start_one(tmp_path: Path) -> None:
    stopped = NodeProcess(tmp_path / "stopped", "stopped")
    for command in ("status", "invite", "models"):
        result = stopped.exo(command, check=False)
        assert result.returncode == 1
        assert "exo run" in result.stderr


@pytest.mark.parametrize("option", ["--api-port", "--listen"])
def test_a_port_in_use(make_node: MakeNode, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        node = make_node("alpha")
        process = node.launch(option, f"127.0.0.1:{port}" if option == "--listen" else str(port))
        assert process.wait(timeout=20) == 1
    errors = [line for line in node.output.splitlines() if line.startswith("Error")]
    assert len(errors) == 1, node.output
    assert str(port) in errors[0]
    assert option in errors[0]


def test_an_unknown_transport_or_backend(make_node: MakeNode) -> None:
    for option, installed in (("--transport", "tcp"), ("--backend", "mlx")):
        node = make_node(option.strip("-"))
        assert node.launch(option, "carrier-pigeon").wait(timeout=20) == 1
        assert "carrier-pigeon" in node.output
        assert installed in node.output


def test_serving_others_without_a_key_is_refused(make_node: MakeNode) -> None:
    node = make_node("alpha")
    assert node.launch("--api-host", "0.0.0.0").wait(timeout=20) == 1
    assert "--insecure-no-auth" in node.output
