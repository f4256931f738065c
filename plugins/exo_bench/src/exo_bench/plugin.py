"""How is `exo bench` typed?"""

from __future__ import annotations

import os
from pathlib import Path

import click

from exo_core import hookimpl
from exo_core.cli.options import home_option


@click.command("bench")
@click.argument("model", required=False)
@home_option
@click.option("--url", metavar="URL", help="Measure the node that serves here, not the one of this machine.")
@click.option("--api-key-file", metavar="FILE", type=click.Path(path_type=Path), help="Its API key; also EXO_API_KEY.")
@click.option("--prompts", default="128,512,2048,4096", show_default=True, help="Lengths of prompts, in tokens.")
@click.option("--concurrency", default="1,2,4,8,16,32,64,128", show_default=True, help="Streams at once.")
@click.option("--tokens", type=click.IntRange(2), default=128, show_default=True, help="The length of each answer.")
@click.option("--repeat", type=click.IntRange(1), default=3, show_default=True, help="Prompts of each length.")
@click.option("--seed", type=int, default=0, show_default=True, help="From which the prompts are drawn.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write this file.")
def bench(
    model: str | None,
    home: Path,
    *,
    url: str | None,
    api_key_file: Path | None,
    prompts: str,
    concurrency: str,
    tokens: int,
    repeat: int,
    seed: int,
    json_file: Path | None,
) -> None:
    """Measure how fast MODEL answers (default: the one that is placed, else `tiny`), and place it if it is not.

    First prompts of several lengths, one at a time, then answers to short prompts, more and more at once. Ctrl-C
    prints what was measured so far. Each prompt is random words, so that none is remembered from before.
    """
    from exo_bench.measuring import Plan
    from exo_bench.session import run

    plan = Plan(
        prompt_lengths=_numbers("--prompts", prompts),
        concurrencies=_numbers("--concurrency", concurrency),
        tokens=tokens,
        repeat=repeat,
        seed=seed,
    )
    run(model, plan, home=home, url=url, key=_key(api_key_file), json_file=json_file)


@hookimpl
def exo_register_commands(group: click.Group) -> None:
    """Add it to `exo`."""
    group.add_command(bench)


def _key(file: Path | None) -> str | None:
    return file.read_text(encoding="utf-8").strip() if file is not None else os.environ.get("EXO_API_KEY") or None


def _numbers(option: str, text: str) -> tuple[int, ...]:
    """`1,2,4`, ascending and once each. Raises `click.BadParameter`."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isascii() and word.isdecimal() and 0 < int(word) < 2**31 for word in words):
        message = f"'{text}' are not whole numbers above 0 with commas between, such as 1,2,4"
        raise click.BadParameter(message, param_hint=option)
    return tuple(sorted({int(word) for word in words}))
