"""OpenAI's own client, against the real server in front of a scripted node."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx
import pytest
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

import exo_api_openai.plugin
import exo_http.plugin
from exo_core.plugins.manager import Plugins
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.scripts import endless, saying
from exo_http.testing.serving import serving_at


@pytest.fixture
def node() -> ScriptedNode:
    """More models are added by `node.add_script`."""
    plugins = Plugins(built_in={"http": exo_http.plugin, "openai": exo_api_openai.plugin}, points=())
    scripts = {"tiny": saying("The ", "answer ", "is ", "4", "2"), "org/name": saying("x"), "endless": endless()}
    return ScriptedNode(scripts=scripts, plugins=plugins)


@pytest.fixture
async def url(node: ScriptedNode) -> AsyncGenerator[str]:
    """Where it serves."""
    async with serving_at(node) as address:
        yield address


@pytest.fixture
async def openai(url: str) -> AsyncGenerator[AsyncOpenAI]:
    """The official client, which does not try twice."""
    http_client = DefaultAsyncHttpxClient(trust_env=False)
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, http_client=http_client) as client:
        yield client


@pytest.fixture
async def client(url: str) -> AsyncGenerator[httpx.AsyncClient]:
    """A client that shows what came over the wire."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as opened:
        yield opened
