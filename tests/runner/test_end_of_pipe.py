"""A runner whose node dies is gone within two seconds, whatever it was doing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exo_core.identifiers import Epoch, ModelId
from exo_core.plugins.manager import Plugins
from exo_core.runner.components import chosen_components
from exo_core.runner.messages import Loading, Ready, Start
from exo_core.runner.spawn import RunnerChild, spawn_runner
from exo_core.testing import echo_plugin
from exo_core.testing.assignments import even_assignments
from exo_core.testing.echo_backend import EchoBackend
from exo_core.testing.echo_model import EchoConfig, write_echo_model

if TYPE_CHECKING:
    from exo_core.runner.messages import FromRunner


async def started(folder: Path, fault: str) -> RunnerChild:
    model = write_echo_model(folder / "model", EchoConfig.model_validate({"fault": fault}))
    components = chosen_components(Plugins(built_in={"echo": echo_plugin}), backend="echo")
    (assignment,) = even_assignments(EchoBackend().describe(ModelId("echo"), model), 1, backend="echo")
    child = await spawn_runner(backend="echo", log=folder / "log", threads=1)
    child.pipe.send(Start(epoch=Epoch(), components=components, assignment=assignment, folder=str(model), start=1))
    return child


async def heard(child: RunnerChild, wanted: type[FromRunner]) -> None:
    async with asyncio.timeout(30):
        while not isinstance(await child.pipe.receive(), wanted):
            pass


@pytest.mark.parametrize("fault", ["none", "hang_on_load"])
async def test_the_runner_ends_with_its_pipe(tmp_path: Path, fault: str) -> None:
    child = await started(tmp_path, fault)
    if fault == "none":
        await heard(child, Loading)
        await heard(child, Ready)
    await child.pipe.close()
    async with asyncio.timeout(10 if fault == "hang_on_load" else 2):  # the hanging one may not have begun yet
        assert await child.process.wait() == 0


async def test_a_broken_message_ends_the_runner(tmp_path: Path) -> None:
    child = await started(tmp_path, "none")
    await heard(child, Ready)
    child.pipe._writer.write(b"\3\0\0\0xyz")  # pyright: ignore[reportPrivateUsage]  # no honest node can
    async with asyncio.timeout(3):
        assert await child.process.wait() == 1
