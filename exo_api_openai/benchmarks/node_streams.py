"""How many chunks a second does a whole node pass on: runner, pipe, gateway, front door?

uv run python exo_api_openai/benchmarks/node_streams.py

The echo backend makes tokens as fast as they are taken; the client counts them.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import psutil
from stream_figures import throughput

from exo_core.testing.echo_model import EchoConfig, write_echo_model
from exo_core.testing.node_process import NodeProcess
from exo_core.testing.plugin_folder import with_plugins

STREAMS, TOKENS, TURNS = 64, 400, 5


def main() -> None:
    """One node, and the same streams several times."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = str(write_echo_model(folder / "echo", EchoConfig(at_once=STREAMS)))
        environment = with_plugins(folder / "plugins", {"echo": "exo_core.testing.echo_plugin"})
        node = NodeProcess(folder / "node", "node", "--backend", "echo", "--no-discovery", environment=environment)
        try:
            node.start()
            node.place(model)
            process = psutil.Process(node.process.pid)
            for _ in range(TURNS):
                asyncio.run(throughput(node.url, process, model, streams=STREAMS, tokens=TOKENS))
            print(f"memory of the node: {process.memory_info().rss / 1e6:.0f} MB")
        finally:
            node.kill()


if __name__ == "__main__":
    main()
