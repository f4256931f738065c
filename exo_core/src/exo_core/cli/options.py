"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

CommandT = TypeVar("CommandT", bound=Callable[..., object])


def default_home() -> Path:
    """XDG data dir/exo (freedesktop.org's base directory specification)."""
    data = os.environ.get("XDG_DATA_HOME", "")
    return (Path(data) if Path(data).is_absolute() else Path.home() / ".local" / "share") / "exo"


def home_option(function: CommandT) -> CommandT:
    """`--home DIR`, also EXO_HOME."""
    option = click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="EXO_HOME",
        default=default_home,
        show_default="XDG data dir/exo",
        help="Identity, clusters, log, models.",
    )
    return option(function)


def json_option(function: CommandT) -> CommandT:
    """`--json`: the same for programs."""
    return click.option("as_json", "--json", is_flag=True, help="For programs.")(function)
