"""exo's kernel: contracts, state, election, placement, wire, node, command line, test kit.

Import from the modules themselves (`exo_core.transports`, `exo_core.requests`, …); a plugin's entry module needs
no more than `hookimpl`.
"""

from __future__ import annotations

from exo_core.hookspecs import hookimpl, hookspec

__version__ = "0.1.0"

__all__ = ["__version__", "hookimpl", "hookspec"]
