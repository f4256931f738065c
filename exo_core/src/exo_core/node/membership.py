"""Who this machine is and which cluster it runs in: read from the home, made new, or taken from a join code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exo_core.identifiers import BootId, ClusterId, NodeId, RunnerId
from exo_core.identity.leaf import RunnerCertificate, certify_runner, node_identity
from exo_core.identity.node_key import NodeKey
from exo_core.identity.secret import ClusterSecret
from exo_core.node.clusters import current_cluster
from exo_core.node.home import Home
from exo_core.node.joining import Newcomer, join_cluster
from exo_core.node.options import NodeOptions
from exo_core.node.real_clock import SystemRng
from exo_core.plugins.manager import Plugins
from exo_core.transports import Identity, Link, Ticket

BOOT_BITS = 63


@dataclass(frozen=True, kw_only=True)
class Membership:
    """`known`: addresses that a join code brought. `is_creator`: it may found the cluster if its log is empty.

    `link`: the one by which it was admitted a moment ago, where that has to go on.
    """

    node_key: NodeKey
    boot: BootId
    secret: ClusterSecret
    log_folder: Path
    is_creator: bool
    known: tuple[Ticket, ...] = ()
    announcements: tuple[str, ...] = ()
    link: Link | None = None

    @property
    def node_id(self) -> NodeId:
        """Who it is, across restarts."""
        return self.node_key.node_id

    @property
    def cluster_id(self) -> ClusterId:
        """Which cluster."""
        return self.secret.cluster_id

    @property
    def identity(self) -> Identity:
        """What proves it to other members."""
        return node_identity(self.secret.authority, self.node_key)

    def certify(self, runner_id: RunnerId, public_key: bytes) -> RunnerCertificate:
        """Vouch for the key of one of its runners."""
        return certify_runner(self.secret.authority, self.node_key, runner_id, public_key)


async def membership_of(home: Home, options: NodeOptions, plugins: Plugins, carry: Callable[[str], None]) -> Membership:
    """`carry`: see `Newcomer`. Raises `JoinError`, `HomeError`, or `UserError` for a broken EXO_SECRET."""
    node_key = NodeKey.load_or_create(home.key_file)
    boot = BootId(SystemRng().integer(BOOT_BITS))
    if options.join_code is not None:
        newcomer = Newcomer(home=home, node_key=node_key, options=options, plugins=plugins, carry=carry)
        joined = await join_cluster(options.join_code, newcomer)
        return Membership(
            node_key=node_key,
            boot=boot,
            secret=joined.cluster.secret,
            log_folder=joined.cluster.log_folder,
            is_creator=False,
            known=joined.tickets,
            announcements=(joined.announcement,),
            link=joined.link,
        )
    cluster = current_cluster(home, secret_hex=options.secret)
    return Membership(
        node_key=node_key,
        boot=boot,
        secret=cluster.secret,
        log_folder=cluster.log_folder,
        is_creator=True,
    )
