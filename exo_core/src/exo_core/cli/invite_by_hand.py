"""`exo invite --by-hand`: print an offer, wait until its answer is pasted, and say what became of it."""

from __future__ import annotations

from contextlib import aclosing

import click

from exo_core.cli.prompts import prompts
from exo_core.control_socket.operations import Operations
from exo_core.errors import JoinError
from exo_core.identity.carried_texts import is_whole, parse_offer


async def invite_by_hand(node: Operations, minutes: float) -> None:
    """Return once the two machines are linked. Raises `JoinError` when the input ends before, `UserError`."""
    text = await node.invite_by_hand(minutes)
    click.echo("On the other machine, type this and paste what is below:", err=True)
    click.echo(f"exo run --transport {parse_offer(text).transport} --join -", err=True)
    click.echo(text)
    click.echo(f"It prints an answer. Paste that here, within {minutes:g} minutes:", err=True)
    pasted = ""
    async with aclosing(prompts(mark="")) as lines:
        async for line in lines:
            pasted += line + "\n"
            if is_whole(pasted):
                answered = await node.answer_by_hand(pasted)
                if answered.node_id is not None:
                    click.echo(f"linked with {answered.node_id[:8]}, which joins now. See: exo status", err=True)
                    return
                click.echo(f"{answered.problem}:", err=True)
                pasted = ""
    message = "no answer was pasted, so nobody joined. Run `exo invite --by-hand` again"
    raise JoinError(message)
