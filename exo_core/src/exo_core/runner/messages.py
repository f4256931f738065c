"""What a node and its runner say to each other over the pipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from exo_core.backends import BackendFacts, LoadProgress
from exo_core.cards import Card
from exo_core.frozen import Count, Frozen
from exo_core.identifiers import Epoch, ModelId, NodeId, RunnerId
from exo_core.identity.leaf import RunnerCertificate
from exo_core.placement import ShardAssignment
from exo_core.requests import Answer, EngineRequest
from exo_core.runner.patience import Patience, Seconds
from exo_core.sources import Part

# node → runner ---------------------------------------------------------------------------------------------


class Components(Frozen):
    """Which backend and transports to use and where they come from: plugin names and the modules behind them."""

    plugin_modules: Mapping[str, str]
    backend: str
    transports: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, str]] = {}
    """Of each transport, as its node has them."""


class Start(Frozen):
    """The first message to a runner. `start` counts the starts of this runner, as its node counts them."""

    type: Literal["start"] = "start"
    epoch: Epoch
    components: Components
    assignment: ShardAssignment
    folder: str
    start: Count
    listen: str | None = None
    """`host:port` or `host:a-b` for links between stages; None: the transport's default."""
    patience: Patience = Patience()


class Probe(Frozen):
    """The only message to a short-lived runner: what can this machine do?"""

    type: Literal["probe"] = "probe"
    components: Components


class Describe(Frozen):
    """The only message to a short-lived runner: the card of the model in that folder."""

    type: Literal["describe"] = "describe"
    components: Components
    model_id: ModelId
    folder: str


class ChooseParts(Frozen):
    """The only message to a short-lived runner: which weights does this shard read?"""

    type: Literal["choose_parts"] = "choose_parts"
    components: Components
    assignment: ShardAssignment
    folder: str


class CertificateGranted(Frozen):
    """The answer to `CertificateRequest`."""

    type: Literal["certificate_granted"] = "certificate_granted"
    certificate: RunnerCertificate


class Neighbour(Frozen):
    """The runner of another stage and how it can be reached."""

    node_id: NodeId
    runner_id: RunnerId
    tickets: tuple[str, ...] = ()


class Neighbours(Frozen):
    """Who is allowed to send to this stage, and whom it sends to."""

    type: Literal["neighbours"] = "neighbours"
    epoch: Epoch
    previous: Neighbour
    following: Neighbour


class CachesMayTake(Frozen):
    """From now on the shard's caches may take so many bytes. Answered by `CachesTake`, once they take no more."""

    type: Literal["caches_may_take"] = "caches_may_take"
    kv_bytes: Count


class Submit(Frozen):
    """A request for the engine. Its answers carry `call`, which is never used twice."""

    type: Literal["submit"] = "submit"
    epoch: Epoch
    call: Count
    request: EngineRequest


class CancelCall(Frozen):
    """Nobody waits for this call's answers any more."""

    type: Literal["cancel_call"] = "cancel_call"
    call: Count


class SignalIn(Frozen):
    """A message of a `Signaller` that another party sent to this runner."""

    type: Literal["signal_in"] = "signal_in"
    node_id: NodeId
    role: str
    message: Annotated[bytes, Field(max_length=65536)]


class Ping(Frozen):
    """Are you there? Asked every second."""

    type: Literal["ping"] = "ping"


class Stop(Frozen):
    """End now."""

    type: Literal["stop"] = "stop"


ToRunner = Annotated[
    Start
    | Probe
    | Describe
    | ChooseParts
    | CertificateGranted
    | Neighbours
    | CachesMayTake
    | Submit
    | CancelCall
    | SignalIn
    | Ping
    | Stop,
    Field(discriminator="type"),
]

# runner → node ---------------------------------------------------------------------------------------------


class CertificateRequest(Frozen):
    """The runner made a key of its own; here is its public half (Ed25519, 32 raw bytes)."""

    type: Literal["certificate_request"] = "certificate_request"
    public_key: Annotated[bytes, Field(min_length=32, max_length=32)]


class Tickets(Frozen):
    """By these the previous stage reaches this runner, best first."""

    type: Literal["tickets"] = "tickets"
    tickets: tuple[str, ...]


class Loading(Frozen):
    """The load moved."""

    type: Literal["loading"] = "loading"
    progress: LoadProgress


class Ready(Frozen):
    """Loaded, linked to its neighbours, and on the head: a token really came out. `run` counts the rings so far."""

    type: Literal["ready"] = "ready"
    run: Count


class Remark(Frozen):
    """How the engine works at present, for people; it replaces what was said before."""

    type: Literal["remark"] = "remark"
    remark: str


class Unlinked(Frozen):
    """A neighbour is gone; the runner keeps its weights and looks for it."""

    type: Literal["unlinked"] = "unlinked"
    detail: str


class CachesTake(Frozen):
    """What the shard's caches take at most from now on, and whether that can change.

    Told after the load, and after each change as soon as it holds.
    """

    type: Literal["caches_take"] = "caches_take"
    kv_bytes: Count
    can_change: bool


class Answered(Frozen):
    """One answer to one call."""

    call: Count
    answer: Answer


class Answers(Frozen):
    """All answers that came up since the last message."""

    type: Literal["answers"] = "answers"
    answers: tuple[Answered, ...]


class SignalOut(Frozen):
    """A message of this runner's `Signaller`, to be relayed."""

    type: Literal["signal_out"] = "signal_out"
    node_id: NodeId
    role: str
    message: Annotated[bytes, Field(max_length=65536)]


class Pong(Frozen):
    """Yes."""

    type: Literal["pong"] = "pong"


class Hangs(Frozen):
    """The engine has not moved for `seconds`, as `detail` says; the process ends, to be started again."""

    type: Literal["hangs"] = "hangs"
    detail: str
    seconds: Seconds


class CannotServe(Frozen):
    """The runner cannot serve and ends; trying again would not help. `user_error`: the detail is meant for people."""

    type: Literal["cannot_serve"] = "cannot_serve"
    detail: str
    user_error: bool = False


class Probed(Frozen):
    """The answer to `Probe`."""

    type: Literal["probed"] = "probed"
    facts: BackendFacts


class Described(Frozen):
    """The answer to `Describe`."""

    type: Literal["described"] = "described"
    card: Card


class PartsChosen(Frozen):
    """The answer to `ChooseParts`. None: the backend does not say, so all."""

    type: Literal["parts_chosen"] = "parts_chosen"
    parts: tuple[Part, ...] | None


FromRunner = Annotated[
    CertificateRequest
    | Tickets
    | Loading
    | Ready
    | Remark
    | Unlinked
    | CachesTake
    | Answers
    | SignalOut
    | Pong
    | Hangs
    | CannotServe
    | Probed
    | Described
    | PartsChosen,
    Field(discriminator="type"),
]

TO_RUNNER: TypeAdapter[ToRunner] = TypeAdapter(ToRunner)
FROM_RUNNER: TypeAdapter[FromRunner] = TypeAdapter(FromRunner)
