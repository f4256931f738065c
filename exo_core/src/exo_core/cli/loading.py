"""Progress bars while a model is placed: on stderr, and only where a person looks."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Self, final

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from exo_core import requests
from exo_core.cli.documents import as_number, as_object, as_text, objects
from exo_core.control_socket.operations import Operations
from exo_core.errors import UserError
from exo_core.frozen import JsonObject

POLL_S = 0.2


@final
class _Bytes(DownloadColumn):
    """So many of so many, once that is known."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None else super().render(task)


@final
class _Speed(TransferSpeedColumn):
    """Bytes a second, once that is known."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None or not (task.finished_speed or task.speed) else super().render(task)


@final
class _TimeLeft(TimeRemainingColumn):
    """Minutes and seconds, once they can be told."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None or task.time_remaining is None else super().render(task)


def progress_bars() -> Progress:
    """Spinner, what is going on, bar, bytes, speed, time left."""
    console = Console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        _Bytes(binary_units=False),
        _Speed(),
        _TimeLeft(compact=True),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextmanager
def working_on(description: str) -> Generator[None]:
    """A spinner while the context is open, for what takes seconds and cannot be counted."""
    with progress_bars() as bars:
        bars.add_task(description, total=None)
        yield


@final
class StepBars:
    """A bar for each of several machines or runners, that begins anew with each step that they are at."""

    def __init__(self) -> None:
        self._bars = progress_bars()
        self._tasks: dict[str, tuple[TaskID, str]] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, key: str, name: str, step: str, done: float, total: float) -> None:
        """Somebody is at a step, `done` of `total` bytes far (0: not known)."""
        task, last = self._tasks.get(key, (None, ""))
        description = f"{name}: {step.replace('_', ' ')}"
        if task is None or last != step:
            if task is not None:
                self._bars.remove_task(task)
            task = self._bars.add_task(description, total=None)
        self._tasks[key] = (task, step)
        self._bars.update(task, description=description, completed=int(done), total=int(total) or None)


@final
class LoadingBar:
    """One bar for what a request waits for. Shows nothing when stderr is no terminal."""

    def __init__(self) -> None:
        self._bars = progress_bars()
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hide()

    def show(self, progress: requests.Progress) -> None:
        """Progress was made."""
        if not self._bars.console.is_terminal:
            return
        if self._task is None:
            self._task = self._bars.add_task("", total=None)
            self._bars.start()
        description = progress.phase.replace("_", " ")
        self._bars.update(self._task, description=description, completed=progress.done, total=progress.total or None)

    def hide(self) -> None:
        """The wait is over."""
        if self._task is not None:
            self._bars.stop()
            self._task = None


async def show_loading(node: Operations, instance_id: str) -> None:
    """Wait until an instance is ready. Raises `UserError` when it failed, does not fit, or was removed."""
    with StepBars() as bars:
        while True:
            state = as_object(await node.status())
            instance = as_object(as_object(state.get("instances")).get(instance_id))
            status, detail = as_text(instance.get("status")), as_text(instance.get("detail"))
            if status == "ready":
                return
            if status in ("failed", "waiting", ""):
                message = (
                    f"{instance_id} {status or 'was removed'}: {detail}" if detail else f"{instance_id} was removed"
                )
                raise UserError(message)
            _update(bars, state, instance)
            await asyncio.sleep(POLL_S)


def _update(bars: StepBars, state: JsonObject, instance: JsonObject) -> None:
    runners, nodes = as_object(state.get("runners")), as_object(state.get("nodes"))
    for shard in objects(instance.get("shards")):
        runner_id = as_text(shard.get("runner_id"))
        runner = as_object(runners.get(runner_id))
        name = as_text(as_object(nodes.get(as_text(shard.get("node_id")))).get("name"))
        status = as_text(runner.get("status")) or "starting"
        bars.show(runner_id, name, status, as_number(runner.get("done")), as_number(runner.get("total")))
