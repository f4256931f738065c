"""The folder in which a machine keeps who it is, its clusters, its log and its models.

HOME/
  lock                    held while a node runs; names its process
  node_key.pem            this machine's Ed25519 key
  current                 the id of the cluster it belongs to
  clusters/<id>/secret    64 hex digits
  clusters/<id>/log/      the event log
  models/                 what sources fetched
  logs/                   what the node and its runners wrote
  aside/                  what a machine kept that left a cluster, or was forgotten
  node.sock               how commands reach the node
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from exo_core.errors import HomeError
from exo_core.identifiers import ClusterId, NodeId

LONGEST_SOCKET_PATH = 100
"""Bytes; the kernel's limit is 104 on macOS and 108 on Linux."""


@final
class Home:
    """Paths below one home, and the lock that makes it one node's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().absolute()

    def __repr__(self) -> str:
        return f"Home({self.folder})"

    @property
    def key_file(self) -> Path:
        """This machine's key, PEM, 0600."""
        return self.folder / "node_key.pem"

    @property
    def current_file(self) -> Path:
        """Holds the id of the cluster this machine belongs to."""
        return self.folder / "current"

    @property
    def clusters(self) -> Path:
        """One folder per cluster that this machine ever belonged to."""
        return self.folder / "clusters"

    def aside(self, cluster_id: ClusterId, node_id: NodeId) -> Path:
        """Where the key and the cluster's folder are kept of a node that is no member any more."""
        return self.folder / "aside" / f"{cluster_id}-{node_id}"

    @property
    def models(self) -> Path:
        """What sources fetched."""
        return self.folder / "models"

    @property
    def logs(self) -> Path:
        """Log files of the node and its runners."""
        return self.folder / "logs"

    @property
    def node_log(self) -> Path:
        """What the node writes."""
        return self.logs / "node.log"

    @property
    def socket(self) -> Path:
        """Where commands reach the node; in the runtime folder when the path here would be too long for a socket."""
        here = self.folder / "node.sock"
        if len(os.fsencode(here)) <= LONGEST_SOCKET_PATH:
            return here
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"exo-{os.getuid()}-{digest}.sock"

    def prepare(self) -> None:
        """Make the folders, readable by this person only. Raises `HomeError`."""
        try:
            for folder in (self.folder, self.clusters, self.models, self.logs):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            message = f"cannot use the home {self.folder}: {problem.strerror}. Give another with --home"
            raise HomeError(message) from problem

    @property
    def is_locked(self) -> bool:
        """Whether a node holds it at the moment."""
        try:
            with (self.folder / "lock").open("a+") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        return False

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the home for one node. Raises `HomeError` when another process holds it."""
        self.prepare()
        with (self.folder / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as problem:
                lock.seek(0)
                message = (
                    f"a node already runs with the home {self.folder} (process {lock.read().strip() or 'unknown'}). "
                    "Stop it, or give this one another --home, --listen and --api-port"
                )
                raise HomeError(message) from problem
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield
