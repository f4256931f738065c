"""`exo invite`: a code by which another machine joins this cluster."""

from __future__ import annotations

from pathlib import Path

import click

from exo_core.cli.options import home_option

LONGEST_MINUTES = 7 * 24 * 60


@click.command("invite")
@home_option
@click.option("--minutes", type=click.FloatRange(0, LONGEST_MINUTES, min_open=True), default=60, show_default=True)
@click.option("--by-hand", is_flag=True, help="For a machine that reaches this one by no address: carry two texts.")
def command(home: Path, minutes: float, by_hand: bool) -> None:
    """Print a code, good for one machine, while this node runs. On the other machine: exo run --join CODE."""
    from exo_core.cli.node_access import with_node

    if by_hand:
        from exo_core.cli.invite_by_hand import invite_by_hand

        with_node(home, lambda node: invite_by_hand(node, minutes))
        return
    code = with_node(home, lambda node: node.invite(minutes))
    click.echo(f"Good once, for {minutes:g} minutes. On the other machine, type:", err=True)
    click.echo("exo run --join \\", err=True)
    click.echo(code)
