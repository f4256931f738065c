"""What `exo_observe` is told of peers: that a link to one came up, or that the last one to it went down."""

from __future__ import annotations

from exo_core.messaging import Messenger
from exo_core.observations import Observation, Observe


async def observe_links(messenger: Messenger, observe: Observe) -> None:
    """Until cancelled; begins with the peers that are reachable now."""
    async for change in messenger.peer_changes():
        observe(Observation(kind="link_up" if change.reachable else "link_down", subject=change.node_id))
