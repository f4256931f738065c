"""`exo key create`, `list` and `revoke`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from exo_core.cli.options import home_option, json_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exo_core.control_socket.operations import Operations
    from exo_core.frozen import JsonValue
    from exo_http.key_limits import KeyLimits
    from exo_http.keys import KeyRecord
    from exo_http.operation import Scope


MOST = click.IntRange(1, 2**63 - 1)


@click.group("key")
def command() -> None:
    """API keys: make, list and revoke them. They hold on every node of the cluster."""


@command.command("create")
@click.option("--name", default="", help="For people: whose it is, or what it is for.")
@click.option(
    "scopes",
    "--scope",
    type=click.Choice(["infer", "admin"]),
    multiple=True,
    default=("infer",),
    show_default=True,
    help="infer: ask models. admin: everything.",
)
@click.option("--max-requests", type=MOST, metavar="N", help="To models at once. Default: as many as a node takes.")
@click.option("--requests-per-minute", type=MOST, metavar="N", help="To models.")
@click.option("--tokens-per-minute", type=MOST, metavar="N", help="Of prompts and answers together.")
@home_option
def create(
    name: str,
    scopes: tuple[str, ...],
    home: Path,
    *,
    max_requests: int | None,
    requests_per_minute: int | None,
    tokens_per_minute: int | None,
) -> None:
    """Print a new key. It is shown this once; from now on every request needs one.

    Its limits hold on each node by itself, and not for requests from the node's own machine.
    """
    from exo_core.cli.node_access import with_node
    from exo_core.errors import WrongUsage
    from exo_http.key_limits import KeyLimits
    from exo_http.keys import PREFIX, draw_key

    if len(name) > 100:
        message = "--name has 100 characters at most"
        raise WrongUsage(message)
    limits = KeyLimits(
        requests_at_once=max_requests, requests_per_minute=requests_per_minute, tokens_per_minute=tokens_per_minute
    )
    key = draw_key(name, cast("tuple[Scope, ...]", scopes), int(time.time()), limits)
    document = cast("JsonValue", key.record.model_dump(mode="json"))
    with_node(home, lambda node: _change(node, f"{PREFIX}{key.key_id}", document))
    click.echo(f"Key {key.key_id} ({', '.join(key.record.scopes)}). It is shown only now:", err=True)
    click.echo(key.secret)


@command.command("list")
@home_option
@json_option
def list_keys(home: Path, *, as_json: bool) -> None:
    """The keys there are, without their secrets."""
    records = _records(home)
    if as_json:
        documents = [{"id": key_id, **record.model_dump(mode="json", exclude={"sha256"})} for key_id, record in records]
        click.echo(json.dumps(documents, indent=2))
        return
    from exo_core.cli.tables import plain

    for key_id, record in records:
        created = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.created))
        words = f"{key_id}  {', '.join(record.scopes):<12}  {created}  {plain(record.name)}{_limits(record.limits)}"
        click.echo(words.rstrip())
    if not records:
        click.echo("No keys. Make one: exo key create")


@command.command("revoke")
@click.argument("key")
@home_option
def revoke(key: str, home: Path) -> None:
    """Let KEY, an id or a name as `exo key list` shows it, open nothing any more."""
    from exo_core.cli.node_access import with_node
    from exo_core.errors import UserError, WrongUsage
    from exo_http.keys import PREFIX

    if not key:  # the name of every key that was given none
        message = "KEY is an id or a name, as `exo key list` shows it"
        raise WrongUsage(message)
    records = _records(home)
    found = [key_id for key_id, record in records if key in {key_id, record.name}]
    if len(found) != 1:
        message = f"{'no key is' if not found else 'several keys are'} called '{key}'. See: exo key list"
        raise UserError(message)
    with_node(home, lambda node: _change(node, f"{PREFIX}{found[0]}", None))
    click.echo(f"revoked {found[0]}")
    if len(records) == 1:
        ends = "a node that only this machine can reach asks for none now, unless it was started with one"
        click.echo(f"No key is left: {ends}.", err=True)


def _limits(limits: KeyLimits) -> str:
    """In words, in brackets; nothing where there is none."""
    told = {
        "requests at once": limits.requests_at_once,
        "requests a minute": limits.requests_per_minute,
        "tokens a minute": limits.tokens_per_minute,
    }
    words = ", ".join(f"{most} {what}" for what, most in told.items() if most is not None)
    return f"  ({words})" if words else ""


def _records(home: Path) -> list[tuple[str, KeyRecord]]:
    from exo_core.cli.node_access import with_node
    from exo_http.keys import PLUGIN, key_records

    extension: Mapping[str, JsonValue] = with_node(home, lambda node: node.extension(PLUGIN))
    return sorted(key_records(extension).items(), key=lambda item: (item[1].created, item[0]))


async def _change(node: Operations, key: str, value: JsonValue) -> None:
    from exo_core.cli.commands import accepted, new_id
    from exo_core.identifiers import CommandId
    from exo_core.state.commands import ChangeExtension
    from exo_http.keys import PLUGIN

    command_id = CommandId(new_id("c"))
    accepted(await node.submit(ChangeExtension(command_id=command_id, plugin=PLUGIN, key=key, value=value)))
