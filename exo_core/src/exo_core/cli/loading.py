"""Progress bars while a model is placed: on stderr, and only where a person looks."""

from __future__ import annotations

import asyncio
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
    TimeElapsedColumn,
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


def progress_bars() -> Progress:
    """Spinner, what is going on, bar, bytes, seconds."""
    console = Console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        _Bytes(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


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
    with progress_bars() as bars:
        tasks: dict[str, TaskID] = {}
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
            _update(bars, tasks, state, instance)
            await asyncio.sleep(POLL_S)


def _update(bars: Progress, tasks: dict[str, TaskID], state: JsonObject, instance: JsonObject) -> None:
    runners, nodes = as_object(state.get("runners")), as_object(state.get("nodes"))
    for shard in objects(instance.get("shards")):
        runner_id = as_text(shard.get("runner_id"))
        runner = as_object(runners.get(runner_id))
        name = as_text(as_object(nodes.get(as_text(shard.get("node_id")))).get("name"))
        description = f"{name}: {(as_text(runner.get('status')) or 'starting').replace('_', ' ')}"
        task = tasks.get(runner_id)
        if task is None:
            task = tasks[runner_id] = bars.add_task(description, total=None)
        total = as_number(runner.get("total"))
        bars.update(task, description=description, completed=as_number(runner.get("done")), total=total or None)
