"""Which cluster a machine belongs to: the folders `clusters/<id>/` of a home and the pointer to the current one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from exo_core.errors import HomeError, UserError
from exo_core.identifiers import ClusterId
from exo_core.identity.secret import ClusterSecret
from exo_core.node.home import Home
from exo_core.whole_files import replace_file


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster as this home keeps it."""

    secret: ClusterSecret
    folder: Path

    @property
    def cluster_id(self) -> ClusterId:
        """Names it."""
        return self.secret.cluster_id

    @property
    def log_folder(self) -> Path:
        """Where its event log lies."""
        return self.folder / "log"


def current_cluster(home: Home, *, secret_hex: str | None) -> Cluster:
    """The cluster to run in: that of `secret_hex` if given, else the current one, else a new one.

    Raises `HomeError` when the home's pointer or secret cannot be read; `UserError` for a broken `secret_hex`.
    """
    if secret_hex:
        return keep_cluster(home, ClusterSecret.from_hex(secret_hex), store_secret=False)
    cluster_id = current_cluster_id(home)
    if cluster_id is None:
        return adopt_cluster(home, ClusterSecret.generate())
    advice = f"Join again with `exo run --join CODE`, or remove {home.current_file} to begin a new cluster"
    if not re.fullmatch(r"[a-z2-7]{26}", cluster_id):
        message = f"{home.current_file} names no cluster. {advice}"
        raise HomeError(message)
    file = home.clusters / cluster_id / "secret"
    secret = _secret_in(file)
    if secret is None or secret.cluster_id != cluster_id:
        what = "is missing or broken" if secret is None else "is not this cluster's"
        message = f"{file} {what}: this machine cannot prove that it is a member. {advice}"
        raise HomeError(message)
    return keep_cluster(home, secret)


def current_cluster_id(home: Home) -> str | None:
    """What the home's pointer says; None when there is none. Raises `HomeError` when it cannot be read."""
    return _read(home.current_file)


def adopt_cluster(home: Home, secret: ClusterSecret) -> Cluster:
    """Make a cluster the current one; what is kept of another stays where it is."""
    cluster = keep_cluster(home, secret)
    replace_file(home.current_file, f"{cluster.cluster_id}\n".encode("ascii"))
    return cluster


def keep_cluster(home: Home, secret: ClusterSecret, *, store_secret: bool = True) -> Cluster:
    """Make a cluster's folder, with its secret unless that comes from outside at every start."""
    cluster = Cluster(secret=secret, folder=home.clusters / secret.cluster_id)
    cluster.log_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if store_secret and not (cluster.folder / "secret").exists():
        replace_file(cluster.folder / "secret", f"{secret.reveal().hex()}\n".encode("ascii"))
    return cluster


def _secret_in(file: Path) -> ClusterSecret | None:
    text = _read(file)
    try:
        return None if text is None else ClusterSecret.from_hex(text)
    except UserError:
        return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError as problem:
        message = f"cannot read {path}: {problem.strerror}"
        raise HomeError(message) from problem
