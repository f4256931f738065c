"""What members say to each other about downloads that a person asks for."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter

from exo_core.frozen import Frozen
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.messaging import Call


class DownloadWanted(Frozen):
    """Bring all of a model to your disk, if it is not there or on its way."""

    manifest: Manifest


class DownloadUnwanted(Frozen):
    """Do not go on with what was asked for; what came stays."""

    model_id: ModelId


class DownloadAnswer(Frozen):
    """It is so; or `refused` says why not."""

    refused: str | None = None


START_DOWNLOAD: Final[Call[DownloadWanted, DownloadAnswer]] = Call(
    "start_download", TypeAdapter(DownloadWanted), TypeAdapter(DownloadAnswer)
)
CANCEL_DOWNLOAD: Final[Call[DownloadUnwanted, DownloadAnswer]] = Call(
    "cancel_download", TypeAdapter(DownloadUnwanted), TypeAdapter(DownloadAnswer)
)
