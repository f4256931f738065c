"""Starting and stopping: what the service refuses, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys
from types import ModuleType

import httpx
import pytest

from exo_core import hookimpl
from exo_core.errors import UserError
from exo_core.node_handle import HttpOptions, NodeHandle
from exo_core.plugins.manager import Plugins
from exo_http import plugin as http_plugin
from exo_http.listening import check_bind
from exo_http.service import HttpService
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.serving import serving_at


async def test_a_port_in_use_is_named_with_the_option_that_changes_it(url: str, plugins: Plugins) -> None:
    port = int(url.rpartition(":")[2])
    other = ScriptedNode(http=HttpOptions(port=port), plugins=plugins)
    with pytest.raises(UserError, match=rf"port {port} is in use.*--api-port") as caught:
        async with serving_at(other):
            pass
    assert "--no-api" in str(caught.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])
async def test_an_open_door_without_a_key_stays_shut(host: str) -> None:
    options = HttpOptions(host=host, port=0)
    with pytest.raises(UserError, match=r"--api-key-file.*EXO_API_KEY.*--insecure-no-auth"):
        check_bind(options, [host])
    check_bind(dataclasses.replace(options, api_key="k"), [host])
    check_bind(dataclasses.replace(options, insecure_no_auth=True), [host])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "127.0.0.9"])
async def test_loopback_needs_no_key(host: str) -> None:
    check_bind(HttpOptions(host=host), [host])


async def test_an_empty_key_is_no_key() -> None:
    with pytest.raises(UserError, match="empty"):
        check_bind(HttpOptions(api_key="  "), ["127.0.0.1"])


async def test_a_name_that_is_none_is_said(plugins: Plugins) -> None:
    with pytest.raises(UserError, match=r"--api-host no\.such\.invalid"):
        async with serving_at(ScriptedNode(http=HttpOptions(host="no.such.invalid", port=0), plugins=plugins)):
            pass


async def test_a_node_without_http_serves_none(plugins: Plugins) -> None:
    service = HttpService()
    async with service.running(ScriptedNode(http=HttpOptions(enabled=False), plugins=plugins)):
        assert service.url is None


async def test_after_stopping_the_port_is_free_and_no_task_is_left(node: ScriptedNode) -> None:
    before = asyncio.all_tasks()
    async with serving_at(node) as url:
        port = int(url.rpartition(":")[2])
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{url}/health")).status_code == 200
    assert asyncio.all_tasks() == before
    again = ScriptedNode(http=HttpOptions(port=port), plugins=node.plugins)
    async with serving_at(again) as url:
        assert url.endswith(str(port))


async def test_an_endless_answer_does_not_hold_up_a_stop(node: ScriptedNode) -> None:
    before = asyncio.all_tasks()
    clock = asyncio.get_running_loop().time
    async with httpx.AsyncClient(trust_env=False) as client:
        async with serving_at(node) as url:
            held = client.stream("GET", f"{url}/held")
            response = await held.__aenter__()
            assert response.status_code == 200
            stopping = clock()
        assert clock() - stopping < 2
        with pytest.raises(httpx.RemoteProtocolError):
            await response.aread()
        await held.__aexit__(None, None, None)
    assert asyncio.all_tasks() == before


async def test_a_plugin_that_fails_leaves_the_others_their_routes(caplog: pytest.LogCaptureFixture) -> None:
    @hookimpl(optionalhook=True)
    def exo_http_routes(node: NodeHandle) -> None:
        message = f"cannot serve {node.version}"
        raise ValueError(message)

    failing = ModuleType("failing")
    vars(failing)["exo_http_routes"] = exo_http_routes
    node = ScriptedNode(plugins=Plugins(built_in={"failing": failing, "http": http_plugin}, points=()))
    async with serving_at(node) as url, httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{url}/health")).status_code == 200
    assert "plugin 'failing' adds nothing here: it failed in exo_http_routes" in caplog.text


def test_the_entry_modules_import_nothing_heavy() -> None:
    program = (
        "import sys, exo_http.plugin, exo_api_openai.plugin, exo_api_cluster.plugin\n"
        "print([name for name in ('starlette', 'uvicorn', 'pydantic', 'asyncio', 'httpx') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
