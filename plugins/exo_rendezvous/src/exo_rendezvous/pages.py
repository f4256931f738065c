"""The pages that plugins add to a rendezvous."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import cast

from starlette.routing import BaseRoute

from exo_core.cli import load_plugins

logger = logging.getLogger(__name__)


def pages_of_plugins() -> Sequence[BaseRoute]:
    """All that there are. One plugin that fails is reported and leaves the others theirs."""
    routes: list[BaseRoute] = []
    for implementation in load_plugins().manager.hook.exo_rendezvous_routes.get_hookimpls():
        try:
            routes.extend(cast("Sequence[BaseRoute]", implementation.function()))
        except Exception:  # machines meet here all the same
            logger.exception("plugin '%s' has no page here: it failed", implementation.plugin_name)
    return routes
