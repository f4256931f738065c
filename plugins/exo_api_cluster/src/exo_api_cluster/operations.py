"""What each route of this API takes and gives."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field as Bounds

from exo_api_cluster import answers
from exo_api_cluster.downloads import Download
from exo_api_cluster.models import ModelName
from exo_api_cluster.placing import ExactBody, PlaceBody
from exo_http.operation import EVENTS as EVENT_STREAM
from exo_http.operation import Field, Operation

Index = Annotated[int, Bounds(ge=0, lt=2**63)]
Chain = Annotated[str, Bounds(pattern="^[0-9a-fA-F]{64}$")]
NAMED_MODEL = {"model_id": Field(kind=Annotated[str, Bounds(min_length=1)], required=True, note="which model")}

PAGE = Operation(summary="A status page for people", answer=str, media_type="text/html")
NODE_ID = Operation(summary="Who this machine is", answer=str)
STATE = Operation(
    summary="What this node knows",
    answer=answers.StateObject,
    query={"at_least": Field(kind=Index, note="wait until this log index is applied here, at most 15 s")},
)
READY = Operation(summary="Whether a question would be answered now", answer=answers.Ready)
EVENTS = Operation(
    summary="The log, and then what comes",
    answer=str,
    media_type=EVENT_STREAM,
    query={
        "after": Field(kind=Index, note="from the next index on"),
        "chain": Field(kind=Chain, note="the chain there, as the client has it"),
    },
)
MODELS = Operation(summary="The catalogue, and what is on disk where", answer=list[answers.CatalogueModel])
ADD_MODEL = Operation(
    summary="Enter a model into the catalogue", body=ModelName, answer=answers.ModelAccepted, status=202
)
REMOVE_MODEL = Operation(summary="Strike a model off the catalogue", answer=answers.Accepted, status=202)
PLACE = Operation(summary="Place a model", body=PlaceBody, answer=answers.InstanceAccepted, status=202)
PLACE_EXACTLY = Operation(
    summary="Place a model as a preview says", body=ExactBody, answer=answers.InstanceAccepted, status=202
)
PREVIEWS = Operation(
    summary="Every placement that could be made", answer=list[answers.PreviewObject], query=NAMED_MODEL
)
AWAIT = Operation(
    summary="Until an instance of a model is ready, or failed",
    answer=str,
    media_type=EVENT_STREAM,
    query={**NAMED_MODEL, "timeout": Field(kind=Index, note="seconds, 600 unless told")},
)
INSTANCE = Operation(summary="One placed model", answer=answers.NamedInstance)
DELETE_INSTANCE = Operation(summary="No longer wish it", answer=answers.InstanceAccepted, status=202)
DOWNLOADS = Operation(summary="Which model lies, or is on its way, on which node", answer=list[answers.DownloadObject])
START_DOWNLOAD = Operation(
    summary="Bring a model to nodes' disks", body=Download, answer=answers.DownloadAccepted, status=202
)
CANCEL_DOWNLOAD = Operation(
    summary="Stop bringing it; what came stays", body=Download, answer=answers.DownloadAccepted, status=202
)
