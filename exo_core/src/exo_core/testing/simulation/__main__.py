"""`python -m exo_core.testing.simulation`: replay a seed, run some, or prove many over several processes.

… replay 7 --majority        one seed again, exactly; the report, and why it failed
… run 0 250                  seeds 0 to 249 in both modes; a line of JSON for each run
… listed FILE                the storms in a file, a line "majority 7" for each; the same
… prove --seeds 10000        all of them with a progress bar and a summary; ends with 1 if a promise was broken
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from exo_core.testing.simulation.listed import listed_storms
from exo_core.testing.simulation.prove import prove, replay_command
from exo_core.testing.simulation.simulate import MODES, Consistency, simulate


@click.group()
def main() -> None:
    """Storms over virtual clusters."""


@main.command()
@click.argument("seed", type=int)
@click.option("--majority/--availability", default=False)
@click.option("--faults/--no-faults", default=True)
def replay(seed: int, *, majority: bool, faults: bool) -> None:
    """Run one seed again."""
    consistency: Consistency = "majority" if majority else "availability"
    report = simulate(seed, consistency, faults=faults)
    for name, value in report.model_dump().items():
        click.echo(f"{name:>12}  {value}")
    sys.exit(report.violation is not None)


@main.command()
@click.argument("first", type=int)
@click.argument("end", type=int)
@click.option("--step", default=1)
def run(first: int, end: int, step: int) -> None:
    """Run seeds FIRST to END - 1 in both modes; a line of JSON for each."""
    for seed in range(first, end, step):
        for consistency in MODES:
            click.echo(simulate(seed, consistency).model_dump_json())


@main.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path))
def listed(file: Path) -> None:
    """Run the storms in FILE; a line of JSON for each."""
    for consistency, seed in listed_storms(file):
        click.echo(simulate(seed, consistency).model_dump_json())


@main.command("prove")
@click.option("--seeds", default=10_000, help="how many; half of them in each mode")
@click.option("--first", default=0)
@click.option("--processes", default=2)
def prove_(seeds: int, first: int, processes: int) -> None:
    """Run many seeds and sum up."""
    summary = prove(first, seeds, processes)
    for line in summary.lines():
        click.echo(line)
    for report in summary.failures:
        click.echo(f"{report.violation}\n    {replay_command(report)}")
    sys.exit(bool(summary.failures))


main()
