"""From the words of `exo run` to `NodeOptions`: everything checked before anything starts."""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exo_core.cli.durations import seconds_of
from exo_core.cli.sizes import bytes_of
from exo_core.errors import NotThereYet, UserError, WrongUsage
from exo_core.identity.carried_texts import is_whole
from exo_core.node.options import NodeOptions
from exo_core.node_handle import HttpOptions

if TYPE_CHECKING:
    from exo_core.cli.run import RunWords


LARGEST_PORT = 65535
LONGEST_NAME = 64
LONGEST_DRAIN_S = 86400


def refuse_what_is_not_there(words: RunWords) -> None:
    """Raise `NotThereYet` for a documented option that this version does not have."""
    if words["allow_plaintext_tensor"]:
        message = "--allow-plaintext-tensor is not there yet in this version; start without it"
        raise NotThereYet(message)


def node_options(words: RunWords) -> NodeOptions:
    """Raises `WrongUsage` for a word that cannot be meant, `UserError` for a key that cannot be read."""
    return NodeOptions(
        home=words["home"],
        name=_name(words["name"] or socket.gethostname().removesuffix(".local")),
        transports=tuple(dict.fromkeys(words["transport"])),
        backends=tuple(dict.fromkeys(words["backend"])),
        listen=_listen(words["listen"]),
        data_ports=_data_ports(words["data_ports"]),
        peers=words["peer"],
        join_code=_join_code(words["join"]),
        secret=os.environ.get("EXO_SECRET"),
        worker=not words["no_worker"],
        discovery=not words["no_discovery"],
        consistency=words["consistency"],
        http=_http_options(words),
        models=words["model"],
        offline=words["offline"],
        max_memory=_max_memory(words["max_memory"]),
        max_requests=words["max_requests"],
        max_queue=words["max_queue"],
        idle_unload_s=_idle_unload(words["idle_unload"]),
        exact=words["exact"],
        drain_s=_drain(words["drain"]),
        without=words["without"],
    )


def _max_memory(word: str | None) -> int | None:
    if word is None:
        return None
    import psutil

    count = bytes_of(word, whole=psutil.virtual_memory().total)
    if count is None:
        message = f"--max-memory {word}: write a size like 12GB, 8GiB, 500MB or 60%"
        raise WrongUsage(message)
    return count


def _idle_unload(word: str | None) -> int:
    if word is None:
        return 0
    seconds = seconds_of(word)
    if seconds is None:
        message = f"--idle-unload {word}: write a time like 90s, 10m, 2h or 1d"
        raise WrongUsage(message)
    return seconds


def _drain(seconds: float) -> float:
    if not 0 <= seconds <= LONGEST_DRAIN_S:  # nor "nan", which is no number
        message = f"--drain {seconds:g}: write seconds from 0 to {LONGEST_DRAIN_S}"
        raise WrongUsage(message)
    return seconds


def _name(word: str) -> str:
    if len(word) > LONGEST_NAME or not word.isprintable():
        message = f"--name: a name has up to {LONGEST_NAME} letters that can be printed, on one line"
        raise WrongUsage(message)
    return word


def _listen(word: str) -> str:
    """HOST:PORT or HOST:A-B; which hosts there are is for the transport to say."""
    found = re.fullmatch(r"(?:\[[^\[\]]*\]|[^:\[\]]*):([0-9]{1,5})(?:-([0-9]{1,5}))?", word)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (-1, -1)
    lowest = 1 if found and found[2] else 0
    if not lowest <= first <= last <= LARGEST_PORT:
        message = f"--listen {word}: write HOST:PORT with a port up to {LARGEST_PORT} (0: any), like :52416"
        raise WrongUsage(message)
    return word


def _data_ports(word: str | None) -> str:
    if word is None:
        return "0"
    found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", word)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 0 < first <= last <= LARGEST_PORT:
        message = f"--data-ports {word}: write A-B, ports from 1 to {LARGEST_PORT}, the smaller first: 5000-5100"
        raise WrongUsage(message)
    return word


def _http_options(words: RunWords) -> HttpOptions:
    return HttpOptions(
        enabled=not words["no_api"],
        host=words["api_host"],
        port=words["api_port"],
        api_key=words["api_key"] or _key_of(words["api_key_file"]),
        allowed_hosts=words["allow_host"],
        allowed_origins=words["allow_origin"],
        insecure_no_auth=words["insecure_no_auth"],
        behind_proxy=words["behind_proxy"],
        max_requests=words["max_requests"],
    )


def _key_of(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        key = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is no text"
        message = f"cannot read the API key from {file}: {reason}"
        raise UserError(message) from problem
    if not key:
        message = f"{file} is empty; write the API key into it"
        raise UserError(message)
    return key


def _join_code(word: str | None) -> str | None:
    return _typed_code() if word == "-" else word


def _typed_code() -> str:
    """All that comes, or up to the full stop of an offer by hand: a person who pasted that waits for what follows."""
    if sys.stdin.isatty():
        click.echo("Paste the offer, or the join code and then Ctrl-D:", err=True)
    text = ""
    for line in sys.stdin:
        text += line
        if is_whole(text):
            break
    return text
