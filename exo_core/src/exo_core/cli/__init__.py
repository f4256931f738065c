"""The command `exo`: which subcommands there are, and how errors reach a person.

A subcommand's module is imported when it is used. `exo --help` reads the table below and the plugins' entry modules,
and nothing else.
"""

from __future__ import annotations

import importlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast, final

import click

from exo_core import __version__
from exo_core.errors import ExoError, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Generator

    from exo_core.plugins.manager import Plugins

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "Start this machine's node (`exo` alone does the same)."),
    "invite": ("invite", "Print a code by which another machine joins."),
    "leave": ("leave", "This machine leaves its cluster."),
    "forget": ("forget", "Strike off a machine that is gone for good."),
    "accept-loss": ("accept_loss", "Go on with a damaged log when no sound one will come back."),
    "status": ("status", "Nodes, links, instances and runners."),
    "models": ("models", "The models that can be placed."),
    "place": ("place", "Place a model on the cluster."),
    "remove": ("remove", "Remove a placed instance."),
    "chat": ("chat", "Talk to a model in the terminal."),
    "plugins": ("plugins", "The installed plugins and what became of them."),
    "doctor": ("doctor", "What this machine can do, and what is missing."),
    "logs": ("logs", "What the node wrote."),
    "log": ("log", "The event log, for people."),
}
"""Name to (module, one line of help)."""

_GROUP_OPTIONS = {"--help", "-h", "--version"}


@final
class _WrongUsageShown(click.ClickException):
    exit_code = 2


class ExoGroup(click.Group):
    """The group `exo`: lazy subcommands, plugins' subcommands, and `run` where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` in front when the first word is one of its options, or missing."""
        if not args or (args[0].startswith("-") and args[0] not in _GROUP_OPTIONS):
            args = ["run", *args]
        with errors_for_people():  # `--help` is answered here already, and may meet broken plugins
            return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Core commands in the order of a person's day, then the plugins'."""
        self._add_plugin_commands()
        return [*COMMANDS, *sorted(name for name in self.commands if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a core command, or ask the plugins."""
        if cmd_name in COMMANDS:
            module = importlib.import_module(f"exo_core.cli.{COMMANDS[cmd_name][0]}")
            return cast("click.Command", module.command)
        self._add_plugin_commands()
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of subcommands, without importing one."""
        names = self.list_commands(ctx)
        rows = [(name, COMMANDS[name][1] if name in COMMANDS else self._plugin_help(name)) for name in names]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand."""
        with errors_for_people():
            return cast("object", super().invoke(ctx))

    def _plugin_help(self, name: str) -> str:
        return self.commands[name].get_short_help_str(80)

    def _add_plugin_commands(self) -> None:
        if not getattr(self, "_plugins_asked", False):
            self._plugins_asked = True
            load_plugins().register_commands(self)


@contextmanager
def errors_for_people() -> Generator[None]:
    """An error of ours, or of the disk, becomes one line on stderr and exit status 1; 2 for wrong usage."""
    try:
        yield
    except OSError as error:
        if os.environ.get("EXO_TRACEBACK") or error.filename is None:
            raise
        message = f"{os.fsdecode(error.filename)}: {error.strerror}"
        raise click.ClickException(message) from error
    except ExoError as error:
        if os.environ.get("EXO_TRACEBACK"):
            raise
        message = str(error) or type(error).__name__
        raise _WrongUsageShown(message) if isinstance(error, WrongUsage) else click.ClickException(message) from error


def load_plugins(blocked: tuple[str, ...] = ()) -> Plugins:
    """The plugins of this process; names in EXO_DISABLED_PLUGINS are blocked too."""
    from exo_core.built_in import built_in_plugins
    from exo_core.plugins.manager import Plugins

    disabled = tuple(name for name in os.environ.get("EXO_DISABLED_PLUGINS", "").split(",") if name)
    return Plugins(built_in=built_in_plugins(), blocked=(*blocked, *disabled))


@click.group(cls=ExoGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="exo", message="%(prog)s %(version)s")
def exo() -> None:
    """Turn the machines you own into one AI cluster.

    `exo run` on each machine; `exo invite` on one gives the code by which another joins. Then ask any of them:
    `exo chat`, or any program that speaks OpenAI's API, at http://localhost:52415/v1.
    """


def main() -> None:
    """The entry point of the `exo` script."""
    exo(prog_name="exo")
