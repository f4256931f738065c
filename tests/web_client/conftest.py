"""A rendezvous, and a node that waits there for browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

import exo_api_openai.plugin
import exo_http.plugin
import exo_web_client.plugin
from exo_core.node_handle import HttpOptions
from exo_core.plugins.manager import Plugins
from exo_http.keys import NewKey, draw_key
from exo_http.testing.cluster_keys import keep_key
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.scripts import endless, saying
from exo_http.testing.serving import serving_at
from exo_rendezvous.testing.meeting_place import Rendezvous
from exo_web_client.page import page_route


@pytest.fixture
async def rendezvous() -> AsyncIterator[Rendezvous]:
    """An honest one, which serves the page."""
    made = Rendezvous([page_route()])
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def key() -> NewKey:
    """The node has it from the beginning."""
    return draw_key("mine", ["infer"], 0)


@pytest.fixture
async def node(rendezvous: Rendezvous, key: NewKey, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedNode]:
    """A node that waits there for browsers, with a model that says little and one that never ends."""
    monkeypatch.setenv("EXO_WEBRTC_RENDEZVOUS", rendezvous.url)
    built_in = {"http": exo_http.plugin, "openai": exo_api_openai.plugin, "web_client": exo_web_client.plugin}
    scripts = {"m": saying("Hel", "lo é"), "endless": endless()}
    made = ScriptedNode(scripts=scripts, http=HttpOptions(port=0), plugins=Plugins(built_in=built_in, points=()))
    await keep_key(made, key)
    async with serving_at(made):
        await rendezvous.until_seated(1)
        yield made
