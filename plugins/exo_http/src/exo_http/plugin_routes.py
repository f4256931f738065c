"""Asking every plugin for its routes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from starlette.routing import BaseRoute

from exo_core.node_handle import NodeHandle

if TYPE_CHECKING:
    import pluggy

logger = logging.getLogger(__name__)


def plugin_routes(node: NodeHandle) -> Sequence[BaseRoute]:
    """All routes, by the names of their plugins. One that fails is reported and leaves the others theirs."""
    hook = cast("pluggy.HookCaller | None", getattr(node.plugins.manager.hook, "exo_http_routes", None))
    implementations = hook.get_hookimpls() if hook is not None else []
    routes: list[BaseRoute] = []
    for implementation in sorted(implementations, key=lambda found: found.plugin_name):
        arguments = {"node": node} if "node" in implementation.argnames else {}
        try:
            routes.extend(cast("Sequence[BaseRoute]", implementation.function(**arguments)))
        except Exception:  # the others keep their routes
            logger.exception("plugin '%s' has no routes: it failed in exo_http_routes", implementation.plugin_name)
    return routes
