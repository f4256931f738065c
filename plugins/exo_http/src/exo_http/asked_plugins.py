"""Asking every plugin for what it adds to the front door."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from exo_core.node_handle import LoadedPlugins

if TYPE_CHECKING:
    import pluggy

logger = logging.getLogger(__name__)


def answers_of_plugins(plugins: LoadedPlugins, hook_name: str, **arguments: object) -> Sequence[object]:
    """All that they answer in sequences, by their names. One that fails is reported and the others keep theirs."""
    hook = cast("pluggy.HookCaller | None", getattr(plugins.manager.hook, hook_name, None))
    implementations = hook.get_hookimpls() if hook is not None else []
    answers: list[object] = []
    for implementation in sorted(implementations, key=lambda found: found.plugin_name):
        taken = {name: value for name, value in arguments.items() if name in implementation.argnames}
        try:
            answers.extend(cast("Sequence[object]", implementation.function(**taken)))
        except Exception:  # the others keep theirs
            logger.exception("plugin '%s' adds nothing here: it failed in %s", implementation.plugin_name, hook_name)
    return answers
