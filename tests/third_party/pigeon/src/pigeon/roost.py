"""Where pigeons sit: one socket file per listener, in a folder that the processes of one machine share.

The folder needs no protection of its own. Whoever gets at a socket still has to prove by TLS who it is.
"""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from exo_core.errors import ConnectError
from exo_core.transports import Ticket

SCHEME = "pigeon://"


def roost_folder(settings: Mapping[str, str]) -> Path:
    """The folder named by the setting `folder`, or one per person in the system's temporary folder."""
    return Path(settings.get("folder") or Path(tempfile.gettempdir()) / f"pigeons-{os.getuid()}")


def ticket_of(path: Path) -> Ticket:
    """By which that socket is reached."""
    return Ticket(f"{SCHEME}{path}")


def path_of(ticket: str) -> Path:
    """The socket that a ticket means. Raises `ValueError`."""
    text = ticket.removeprefix(SCHEME)
    if not ticket.startswith(SCHEME) or not text.startswith("/") or "\0" in text:
        message = f"'{ticket}' is no pigeon's address; write {SCHEME}/folder/52416.sock"
        raise ValueError(message)
    return Path(text)


@contextmanager
def perch(folder: Path, listen: str | None) -> Generator[tuple[socket.socket, Path]]:
    """A listening socket and where it is, while the context is open. Raises `ConnectError` if all are taken."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in names(listen):
        path = folder / f"{name}.sock"
        bound = bind(path)
        if bound is not None:
            try:
                yield bound, path
            finally:
                bound.close()
                path.unlink(missing_ok=True)
            return
    message = f"somebody already listens at {ticket_of(folder / f'{listen}.sock')}; choose another port with --listen"
    raise ConnectError(message)


def names(listen: str | None) -> Iterator[str]:
    """What a socket may be called for `host:port`: the port, each port of a range `a-b`, or anything for 0 or None."""
    first, _, last = (listen or "0").rpartition(":")[2].partition("-")
    if first == "0":
        yield secrets.token_hex(4)
    else:
        yield from map(str, range(int(first), int(last or first) + 1))


def bind(path: Path) -> socket.socket | None:
    """A socket listening there, or None when somebody alive does. What a dead process left behind is swept away."""
    bound = socket.socket(socket.AF_UNIX)
    try:
        bound.bind(str(path))
    except OSError:
        if answers(path):
            bound.close()
            return None
        path.unlink(missing_ok=True)
        bound.bind(str(path))
    bound.listen()
    return bound


def answers(path: Path) -> bool:
    """Whether a process listens there."""
    with socket.socket(socket.AF_UNIX) as visitor:
        try:
            visitor.connect(str(path))
        except OSError:
            return False
    return True
