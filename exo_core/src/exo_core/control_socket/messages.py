"""What a command asks the node of this machine, and what comes back.

One question per connection; then replies, the last of which is `End` or `Problem`. Closing the connection cancels.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from exo_core.frozen import Count, Frozen, JsonValue
from exo_core.identifiers import ModelId, NodeId
from exo_core.requests import Answer, EngineRequest
from exo_core.state.commands import Command, CommandAnswer


class StatusQuestion(Frozen):
    """The document of `/state`."""

    ask: Literal["status"] = "status"


class CatalogueQuestion(Frozen):
    """Models that can be placed: a list of objects."""

    ask: Literal["catalogue"] = "catalogue"


class PreviewsQuestion(Frozen):
    """Every placement of a model that could be made: a list of objects."""

    ask: Literal["previews"] = "previews"
    model_id: ModelId


class AddModelQuestion(Frozen):
    """Resolve, describe and add a model."""

    ask: Literal["add_model"] = "add_model"
    model_id: ModelId


class ModelFolderQuestion(Frozen):
    """Where a model lies complete on this disk: a path, or null."""

    ask: Literal["model_folder"] = "model_folder"
    model_id: ModelId


class DownloadsQuestion(Frozen):
    """Models on disks, whole or on their way: a list of objects."""

    ask: Literal["downloads"] = "downloads"


class StartDownloadQuestion(Frozen):
    """Bring a model to a node's disk."""

    ask: Literal["start_download"] = "start_download"
    model_id: ModelId
    node_id: NodeId


class CancelDownloadQuestion(Frozen):
    """Do not go on with that."""

    ask: Literal["cancel_download"] = "cancel_download"
    model_id: ModelId
    node_id: NodeId


class CommandQuestion(Frozen):
    """Anything for the master."""

    ask: Literal["command"] = "command"
    command: Command


class GenerateQuestion(Frozen):
    """A request for a model: answers until it is done."""

    ask: Literal["generate"] = "generate"
    model_id: ModelId
    request: EngineRequest


class InviteQuestion(Frozen):
    """A join code."""

    ask: Literal["invite"] = "invite"
    minutes: float


class InviteByHandQuestion(Frozen):
    """A text for a machine that reaches this one by no address."""

    ask: Literal["invite_by_hand"] = "invite_by_hand"
    minutes: float


class AnswerByHandQuestion(Frozen):
    """The answer to it that came back."""

    ask: Literal["answer_by_hand"] = "answer_by_hand"
    answer: str


class EventsQuestion(Frozen):
    """The log from an index on: a list of objects, then (`follow`) live ones."""

    ask: Literal["events"] = "events"
    after: Count = 0
    follow: bool = False


class ExtensionQuestion(Frozen):
    """A plugin's slice of state: an object."""

    ask: Literal["extension"] = "extension"
    plugin: str


class LeaveQuestion(Frozen):
    """Leave the cluster, and stop."""

    ask: Literal["leave"] = "leave"


class AcceptLossQuestion(Frozen):
    """What of the log is lost, a text; `confirmed`: that text, to go on without it."""

    ask: Literal["accept_loss"] = "accept_loss"
    confirmed: str | None


Question = Annotated[
    StatusQuestion
    | CatalogueQuestion
    | PreviewsQuestion
    | AddModelQuestion
    | ModelFolderQuestion
    | DownloadsQuestion
    | StartDownloadQuestion
    | CancelDownloadQuestion
    | CommandQuestion
    | GenerateQuestion
    | InviteQuestion
    | InviteByHandQuestion
    | AnswerByHandQuestion
    | EventsQuestion
    | ExtensionQuestion
    | LeaveQuestion
    | AcceptLossQuestion,
    Field(discriminator="ask"),
]


class Document(Frozen):
    """Some JSON."""

    reply: Literal["document"] = "document"
    value: JsonValue


class CommandReply(Frozen):
    """What the master decided."""

    reply: Literal["command"] = "command"
    answer: CommandAnswer


class AnswerReply(Frozen):
    """One answer to a request."""

    reply: Literal["answer"] = "answer"
    answer: Answer


class End(Frozen):
    """Nothing follows."""

    reply: Literal["end"] = "end"


class Problem(Frozen):
    """It did not work; a sentence for people."""

    reply: Literal["problem"] = "problem"
    message: str


Reply = Annotated[Document | CommandReply | AnswerReply | End | Problem, Field(discriminator="reply")]

QUESTION: TypeAdapter[Question] = TypeAdapter(Question)
REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)
