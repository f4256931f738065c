"""The webrtc transport can be named and says in one line that it is not there yet."""

from __future__ import annotations

import pytest

from exo_core.errors import NotThereYet
from exo_core.identity.leaf import node_identity
from exo_core.identity.node_key import NodeKey
from exo_core.identity.secret import ClusterSecret
from exo_core.plugins.manager import Plugins
from exo_core.transports import Link, Ticket, Transport, TransportContext


async def never(_: Link) -> None:
    raise AssertionError


def registered_transport() -> Transport:
    identity = node_identity(ClusterSecret.generate().authority, NodeKey.generate())
    return Plugins(only=["webrtc"]).transports().get("webrtc")(TransportContext(identity=identity))


async def test_being_reached_is_refused_in_one_line() -> None:
    with pytest.raises(NotThereYet, match="use --transport tcp") as refusal:
        async with registered_transport().serve(never):
            pass
    assert "\n" not in str(refusal.value)


async def test_reaching_is_refused() -> None:
    with pytest.raises(NotThereYet, match="use --transport tcp"):
        _ = await registered_transport().connect(Ticket("webrtc://somebody"))


def test_it_has_a_name_and_no_links_for_threads() -> None:
    transport = registered_transport()
    assert transport.name == "webrtc"
    assert transport.listen_blocking() is None
    with pytest.raises(NotImplementedError):
        _ = transport.connect_blocking(Ticket("webrtc://somebody"))
