"""The hook of the rendezvous, and only that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core import hookspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute


@hookspec
def exo_rendezvous_routes() -> Sequence[BaseRoute]:
    """Pages that `exo rendezvous` serves beside its own `/health` and `/exo/`: asked once, when it starts.

    They are for strangers: nothing stands before them. Mark your implementation `@hookimpl(optionalhook=True)`.
    """
    raise NotImplementedError  # a specification is never called
