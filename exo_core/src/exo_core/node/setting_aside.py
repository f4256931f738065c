"""What becomes of a home whose node is no member any more: everything is kept, out of the way of what comes next."""

from __future__ import annotations

from exo_core.errors import HomeError
from exo_core.node.clusters import current_cluster_id
from exo_core.node.home import Home
from exo_core.node.membership import Membership


def set_aside(home: Home, membership: Membership) -> None:
    """Move the cluster's folder and this machine's key to `HOME/aside/`; models and log files stay. Raises `HomeError`.

    The node must have stopped, and the home still be locked. In this order a power cut between two steps leaves a home
    that founds a new cluster, never one that knows a cluster and has another identity.
    """
    aside = home.aside(membership.cluster_id, membership.node_id)
    try:
        aside.mkdir(mode=0o700, parents=True, exist_ok=True)
        if current_cluster_id(home) == membership.cluster_id:  # not so with a secret from outside
            home.current_file.unlink()
        membership.log_folder.parent.rename(aside / "cluster")
        home.key_file.rename(aside / home.key_file.name)
    except OSError as problem:
        message = (
            f"cannot move this machine's key and cluster to {aside}: {problem.strerror}. Do it by hand before the next "
            "start: it is no member any more"
        )
        raise HomeError(message) from problem
