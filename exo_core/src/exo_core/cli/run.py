"""`exo run`: start this machine's node."""

from __future__ import annotations

from pathlib import Path

import click

from exo_core.cli.options import default_home


@click.command("run", context_settings={"auto_envvar_prefix": "EXO", "show_default": True})
@click.option(
    "--transport", "transports", multiple=True, default=("tcp",), metavar="NAME", help="In order of preference."
)
@click.option("--backend", "backends", multiple=True, metavar="NAME", help="Default: those that probe well.")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), default=default_home, show_default="XDG data dir/exo"
)
@click.option("--name", metavar="NAME", help="Shown to people. Default: the host name.")
@click.option(
    "--listen", default="0.0.0.0:52416", metavar="HOST:PORT", help="Where the transport listens; port 0: any."
)
@click.option("--data-ports", metavar="A-B", help="Where runners listen for each other. Default: any.")
@click.option("--peer", "peers", multiple=True, metavar="ENDPOINT", help="For example tcp://10.0.0.2:52416.")
@click.option("--join", metavar="CODE", help="The code that `exo invite` printed; `-` reads it from stdin.")
@click.option("--no-discovery", is_flag=True, help="Do not look for peers by yourself.")
@click.option("--no-worker", is_flag=True, help="Hold no part of a model here.")
@click.option("--no-api", is_flag=True, help="Serve no HTTP.")
@click.option("--api-host", default="127.0.0.1", metavar="HOST")
@click.option("--api-port", default=52415, type=click.IntRange(0, 65535), metavar="PORT")
@click.option("--api-key", metavar="KEY", hidden=True, help="Only as EXO_API_KEY.")
@click.option("--api-key-file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Or EXO_API_KEY.")
@click.option("--allow-host", "allow_hosts", multiple=True, metavar="HOST", help="A Host header to accept.")
@click.option("--allow-origin", "allow_origins", multiple=True, metavar="ORIGIN", help="A web page's origin to accept.")
@click.option("--insecure-no-auth", is_flag=True, help="Serve other machines without an API key.")
@click.option("--model", "models", multiple=True, metavar="MODEL", help="Place it as soon as it fits.")
@click.option("--max-memory", metavar="SIZE", help="Not there yet.")
@click.option("--consistency", type=click.Choice(["availability", "majority"]), help="Not there yet.")
@click.option(
    "--drain", type=float, default=0.0, metavar="SECONDS", help="Not there yet: running streams get this long."
)
@click.option("--allow-plaintext-tensor", is_flag=True, help="Not there yet.")
@click.option("--idle-unload", metavar="TIME", help="Not there yet.")
@click.option("--offline", is_flag=True, help="Not there yet.")
@click.option("--without", "without", multiple=True, metavar="PLUGIN", help="Do not load this plugin.")
@click.option("-v", "--verbose", count=True, help="-v: what happens; -vv: everything.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text")
def command(**options: object) -> None:
    """Start this machine's node."""
