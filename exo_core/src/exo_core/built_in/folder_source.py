"""Built-in plugin `folder`: models by path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from exo_core.registers import Register
    from exo_core.sources import SourceFactory


@hookimpl
def exo_register_sources(register: Register[SourceFactory]) -> None:
    """Offer the source `folder`."""
    register("folder", "exo_core.model_folders:FolderSource")
