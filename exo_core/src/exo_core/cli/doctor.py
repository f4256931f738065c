"""`exo doctor`: what this machine can do, what is missing, and the command that mends it."""

from __future__ import annotations

from pathlib import Path

import click

from exo_core.cli.options import home_option, json_option


@click.command("doctor")
@home_option
@json_option
def command(home: Path, *, as_json: bool) -> None:
    """Look at this machine: memory, plugins, backends, ports."""
    import asyncio
    import json

    from exo_core.cli.doctor_checks import all_checks, print_checks

    checks = asyncio.run(all_checks(home))
    if as_json:
        click.echo(json.dumps([check.__dict__ for check in checks], indent=2))
    else:
        print_checks(checks)
    if any(check.verdict == "bad" for check in checks):
        raise SystemExit(1)
