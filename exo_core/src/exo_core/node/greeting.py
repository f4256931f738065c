"""What does this node say when it greets another, and whom does it refuse?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exo_core import __version__
from exo_core.errors import UserError
from exo_core.identifiers import Epoch
from exo_core.identity.enrolment_messages import Consistency
from exo_core.node.departures import refusal_of
from exo_core.node.membership import Membership
from exo_core.node.options import NodeOptions
from exo_core.plugins.manager import Plugins
from exo_core.state.apply import reducer_fingerprint
from exo_core.state.state import State
from exo_core.transports import Ticket
from exo_core.wire.hello import Hello


@dataclass(frozen=True, kw_only=True)
class Greeting:
    """One node's."""

    membership: Membership
    options: NodeOptions
    plugins: Plugins
    kept: Callable[[], Consistency | None]
    """What this home remembers of the cluster's consistency."""
    state: Callable[[], State]
    epoch: Callable[[], Epoch]
    tickets: Callable[[], Sequence[Ticket]]

    def hello(self) -> Hello:
        """As this node stands now."""
        return Hello(
            exo_version=__version__,
            cluster_id=self.membership.cluster_id,
            node_id=self.membership.node_id,
            boot=self.membership.boot,
            name=self.options.name,
            epoch=self.epoch(),
            consistency=self._consistency,
            plugins=tuple(self.plugins.names),
            election="bully",
            reducer_fingerprint=reducer_fingerprint(),
            tickets=tuple(self.tickets()),
        )

    def judge(self, hello: Hello) -> str | None:
        """Former members are refused by name; that another cluster is refused, the router sees to."""
        forgotten = self.state().left.get(hello.node_id)
        if forgotten is None:
            return None
        return refusal_of(hello.name, hello.node_id, forgotten=forgotten)

    def refuse_other_consistency(self) -> None:
        """Raises `UserError` when a person asked for another consistency than the cluster's."""
        asked, kept = self.options.consistency, self._consistency
        if asked is not None and asked != kept:
            message = (
                f"--consistency {asked}: this cluster keeps '{kept}', which was fixed when it was created; "
                "start without --consistency"
            )
            raise UserError(message)

    @property
    def _consistency(self) -> Consistency | None:
        """The cluster's; while that is not known, what the person asked for, if anything."""
        state = self.state()
        return state.consistency if state.created else self.kept() or self.options.consistency
