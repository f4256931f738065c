"""`exo chat`: talk to the cluster in the terminal."""

from __future__ import annotations

from pathlib import Path

import click

from exo_core.cli.options import home_option


@click.command("chat")
@click.argument("model", default="tiny")
@click.argument("prompt", required=False)
@home_option
@click.option("--system", metavar="TEXT", help="What the model is told before the conversation.")
@click.option("--max-tokens", type=click.IntRange(1), help="The longest answer.")
@click.option("--temperature", type=click.FloatRange(0, 100), default=0.0, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def command(
    model: str,
    prompt: str | None,
    home: Path,
    *,
    system: str | None,
    max_tokens: int | None,
    temperature: float,
    seed: int,
) -> None:
    """Talk to MODEL. With a PROMPT: one answer on stdout, then exit.

    Uses the node that runs on this machine; if none does, a private one for this conversation.
    """
    import asyncio

    from exo_core.cli.conversation import Conversation, converse
    from exo_core.model_names import model_named
    from exo_core.requests import Sampling

    conversation = Conversation(
        model_id=model_named(model),
        system=system,
        max_tokens=max_tokens,
        sampling=Sampling(temperature=temperature, seed=seed),
    )
    asyncio.run(converse(home, conversation, prompt))
