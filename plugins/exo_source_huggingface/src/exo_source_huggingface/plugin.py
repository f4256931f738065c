"""The plugin's entry point: what it registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from exo_core.registers import Register
    from exo_core.sources import SourceFactory


@hookimpl
def exo_register_sources(register: Register[SourceFactory]) -> None:
    """Offer the source `huggingface`."""
    register("huggingface", "exo_source_huggingface.huggingface_source:HuggingFaceSource")
