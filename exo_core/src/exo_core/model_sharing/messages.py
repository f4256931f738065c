"""What members say to each other about the files of models.

Who needs a model asks every member that it reaches whether it holds it (`HOLDING`). For each piece of a file it opens a
stream (`PIECES`) to one that does. The stream brings a `PieceAnswer`, the bytes in messages of their own, and last
their SHA-256, or an empty message when the file changed while it was read.
"""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter

from exo_core.frozen import Count, Frozen
from exo_core.identifiers import ModelId
from exo_core.messaging import Call


class Holding(Frozen):
    """How much of this model, in this revision, have you got?"""

    model_id: ModelId
    revision: str


class HeldPart(Frozen):
    """Bytes of one file that lie there: start … end - 1 of each range."""

    path: str
    ranges: tuple[tuple[Count, Count], ...]


class Held(Frozen):
    """The answer. `reading` is how many pieces are being read there now, `parts` what there is of an incomplete one."""

    complete: bool
    reading: Count = 0
    parts: tuple[HeldPart, ...] = ()


class PieceWanted(Frozen):
    """Bytes start … end - 1 of a file of a model."""

    model_id: ModelId
    revision: str
    path: str
    start: Count
    end: Count


class PieceAnswer(Frozen):
    """The bytes follow, or `refused` says why not."""

    refused: str | None = None


HOLDING: Final[Call[Holding, Held]] = Call("model_holding", TypeAdapter(Holding), TypeAdapter(Held))
PIECES: Final = "model_pieces"
