"""The plugins that are installed, less those that a person does without."""

from __future__ import annotations

from exo_core.built_in import built_in_plugins
from exo_core.errors import UserError
from exo_core.node.options import NodeOptions
from exo_core.plugins.manager import Plugins


def plugins_for(options: NodeOptions) -> Plugins:
    """Raises `UserError` for a name that there is no plugin of."""
    built_in = built_in_plugins()
    plugins = Plugins(built_in=built_in, blocked=options.without)
    known = sorted({*built_in, *(report.name for report in plugins.reports)})
    for name in options.without:
        if name not in known:
            message = f"--without {name}: there is no plugin of that name (there are: {', '.join(known)})"
            raise UserError(message)
    return plugins
