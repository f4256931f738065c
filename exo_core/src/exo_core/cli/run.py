"""`exo run`: start this machine's node."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypedDict, Unpack

import click

from exo_core.cli.options import default_home


class RunWords(TypedDict):
    """The options of `exo run` as click gives them."""

    transport: tuple[str, ...]
    backend: tuple[str, ...]
    home: Path
    name: str | None
    listen: str
    data_ports: str | None
    peer: tuple[str, ...]
    join: str | None
    no_discovery: bool
    no_worker: bool
    no_api: bool
    api_host: str
    api_port: int
    api_key: str | None
    api_key_file: Path | None
    allow_host: tuple[str, ...]
    allow_origin: tuple[str, ...]
    insecure_no_auth: bool
    behind_proxy: bool
    model: tuple[str, ...]
    max_memory: str | None
    max_requests: int
    max_queue: int
    consistency: Literal["availability", "majority"] | None
    drain: float
    allow_plaintext_tensor: bool
    idle_unload: str | None
    exact: bool
    offline: bool
    without: tuple[str, ...]
    verbose: int
    quiet: bool
    log_format: Literal["text", "json"]


@click.command("run", context_settings={"auto_envvar_prefix": "EXO", "show_default": True})
@click.option("--transport", multiple=True, default=("tcp",), metavar="NAME", help="In order of preference.")
@click.option("--backend", multiple=True, metavar="NAME", help="Default: those that probe well.")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), default=default_home, show_default="XDG data dir/exo"
)
@click.option("--name", metavar="NAME", help="Shown to people. Default: the host name.")
@click.option(
    "--listen",
    default=":52416",
    metavar="HOST:PORT",
    help="Where peers reach it. No HOST: all interfaces; port 0: any.",
)
@click.option("--data-ports", metavar="A-B", help="Where runners listen for each other. Default: any.")
@click.option("--peer", multiple=True, metavar="ENDPOINT", help="For example tcp://10.0.0.2:52416.")
@click.option("--join", metavar="CODE", help="The code that `exo invite` printed; `-` reads it from stdin.")
@click.option("--no-discovery", is_flag=True, help="Do not look for peers by yourself.")
@click.option("--no-worker", is_flag=True, help="Hold no part of a model here.")
@click.option("--no-api", is_flag=True, help="Serve no HTTP.")
@click.option("--api-host", default="127.0.0.1", metavar="HOST")
@click.option("--api-port", default=52415, type=click.IntRange(0, 65535), metavar="PORT")
@click.option("--api-key", metavar="KEY", hidden=True, help="Only as EXO_API_KEY.")
@click.option("--api-key-file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Or EXO_API_KEY.")
@click.option("--allow-host", multiple=True, metavar="HOST", help="A Host header to accept.")
@click.option("--allow-origin", multiple=True, metavar="ORIGIN", help="A web page's origin to accept.")
@click.option("--insecure-no-auth", is_flag=True, help="Serve other machines without an API key.")
@click.option(
    "--behind-proxy",
    is_flag=True,
    help="Something on this machine passes on others' requests: limits of keys hold for local ones too.",
)
@click.option("--model", multiple=True, metavar="MODEL", help="Place it as soon as it fits.")
@click.option(
    "--max-memory",
    metavar="SIZE",
    help="What models may take here: 12GB, 8GiB, 60%. Default: what is free, with room left for you.",
)
@click.option(
    "--max-requests",
    type=click.IntRange(1, 100_000),
    default=2048,
    metavar="N",
    help="Of clients of this node, at once; more are told to come back.",
)
@click.option(
    "--max-queue",
    type=click.IntRange(1, 100_000),
    default=1024,
    metavar="N",
    help="Requests that wait for a first token of one model whose first layers are here.",
)
@click.option(
    "--consistency",
    type=click.Choice(["availability", "majority"]),
    show_default="availability",
    help="Of a new cluster: go on with whoever is left, or only with a majority of its machines.",
)
@click.option(
    "--drain",
    type=float,
    default=0.0,
    metavar="SECONDS",
    help="At the first Ctrl-C take no new requests and let those that run go on for so long; the second one stops now.",
)
@click.option("--allow-plaintext-tensor", is_flag=True, help="Not there yet.")
@click.option(
    "--idle-unload",
    metavar="TIME",
    help="Remove what a request had placed once nobody has used it for so long: 90s, 10m, 2h. Default: it stays.",
)
@click.option(
    "--exact",
    is_flag=True,
    help="Round nothing of this node's requests between machines, however thin their links.",
)
@click.option("--offline", is_flag=True, help="Fetch nothing from the internet; members still share models.")
@click.option("--without", multiple=True, metavar="PLUGIN", help="Do not load this plugin.")
@click.option("-v", "--verbose", count=True, help="-v: what happens; -vv: everything.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text")
def command(**words: Unpack[RunWords]) -> None:
    """Start this machine's node and serve until it is told to stop (Ctrl-C)."""
    from exo_core.cli.stop_signals import leave_on_signals

    leave_on_signals()
    import asyncio

    from exo_core.cli.run_options import node_options, refuse_what_is_not_there
    from exo_core.cli.serve import serve
    from exo_core.node.home import Home
    from exo_core.node.logging_setup import configure_logging

    refuse_what_is_not_there(words)
    options = node_options(words)
    Home(options.home).prepare()
    configure_logging(
        file=Home(options.home).node_log,
        verbosity=-1 if words["quiet"] else words["verbose"],
        log_format=words["log_format"],
    )
    asyncio.run(serve(options, quiet=words["quiet"]))
