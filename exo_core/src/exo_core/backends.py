"""The second waist: what a backend gives, and how its engine is driven."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from exo_core.cards import Card, WeightKind
from exo_core.frozen import Count, Frozen, JsonValue
from exo_core.identifiers import ModelId, RequestId
from exo_core.placement import ShardAssignment
from exo_core.requests import Answer, EngineRequest
from exo_core.sources import Part
from exo_core.transports import BlockingLink


class BackendFacts(Frozen):
    """What a backend found on this machine. `usable` False: `reason` says why and what to type next."""

    usable: bool
    reason: str = ""
    device: str = ""
    """For people: `Apple M3 Max`, `CPU, OpenBLAS 0.3.30`."""
    memory_for_models: Count | None = None
    """Bytes the device can give to models; None: the machine's free memory counts."""
    memory_is_own: bool = False
    """Whether that is memory beside the machine's, as on a graphics card: what is free of the latter matters not."""
    float32_faster_than: tuple[WeightKind, ...] = ()
    """Weights that this device computes faster in float32, as measured: they are widened where the memory is there."""
    details: dict[str, JsonValue] = {}


class LoadProgress(Frozen):
    """How far a load has come: bytes of weights while `loading`, then the warm-up."""

    phase: Literal["loading", "warming_up"]
    done: Count
    total: Count


@dataclass(frozen=True, kw_only=True)
class Ring:
    """A stage's neighbours. Stage i sends to stage i + 1; the tail sends back to the head. Both None: one stage.

    A link carries messages against its direction too: what a stage sends over `incoming`, the one before receives from
    its `outgoing`. At most some tens of small ones are kept for it.
    """

    incoming: BlockingLink | None = None
    outgoing: BlockingLink | None = None


class Engine(Protocol):
    """A loaded shard. `run` belongs to one thread, the engine thread; the other methods may be called from any."""

    def run(self, ring: Ring) -> None:
        """Work until `stop` (then return) or until a link of the ring dies (then raise `LinkClosed`).

        After `LinkClosed` it is called again with a new ring: weights are kept, sequences and caches dropped, requests
        that were in flight failed with code `instance_lost`. A new `run` is a new generation.
        """
        ...

    def submit(self, request: EngineRequest, answer: Callable[[Answer], None]) -> None:
        """Take a request (on the head only). `answer` is called from the engine thread, in order, and never blocks."""
        ...

    def cancel(self, request_id: RequestId) -> None:
        """Forget a request at the next step boundary; open choices end with `cancelled`. Unknown ids are ignored."""
        ...

    def stop(self) -> None:
        """Make `run` return soon, whatever it waits for. The links are closed by the caller."""
        ...


class Backend(Protocol):
    """Runs shards. Every method is called in a process of its own and may block, import and compute."""

    @property
    def name(self) -> str:
        """The word on the command line and in cards."""
        ...

    def probe(self) -> BackendFacts:
        """What this machine can do. Never raises for what is merely missing."""
        ...

    def describe(self, model_id: ModelId, folder: Path) -> Card:
        """The card of the model in `folder`, from config and safetensors headers. Raises `ModelError`."""
        ...

    def load(
        self,
        assignment: ShardAssignment,
        *,
        generation_base: tuple[str, int],
        folder: Path,
        progress: Callable[[LoadProgress], None],
    ) -> Engine:
        """Load one shard, reading only its own tensors, and warm it up. Called on the engine thread.

        Weights are held in `assignment.shard.compute_type`, caches within `assignment.kv_bytes`.
        `generation_base` is (placement id, start number of this runner as its node counts it). Raises `ModelError`.
        """
        ...


@runtime_checkable
class ChoosesParts(Protocol):
    """What a backend may give besides: which weights a shard reads. Without it, a node brings all of them."""

    def parts(self, assignment: ShardAssignment, folder: Path) -> Sequence[Part]:
        """The tensors that `load` of this shard will read, by file.

        `folder` holds the model's other files whole, and of the files of weights at least the headers, at full length.
        Called in a process of its own, as `describe` is. Raises `ModelError`.
        """
        ...


@runtime_checkable
class ResizesCaches(Protocol):
    """What an engine may give besides: its caches get more or less room while it runs.

    Requests that have no room together any more wait for each other. One that alone takes more already goes on to its
    end, and `taken` is called after that; one that would grow beyond it later ends with `instance_lost`.

    Without it, what a shard's caches were promised at its load stays theirs.
    """

    def resize_caches(self, kv_bytes: int, taken: Callable[[], None]) -> None:
        """The caches may take so many bytes, and are not to grow beyond that. Callable from any thread.

        `taken` is called, from any thread and without blocking it, once they take no more and never will: then the
        rest is lent to others. A later number takes the place of one for which it was not called yet.
        """
        ...


@runtime_checkable
class LoadsResizable(Protocol):
    """What a backend may give besides whose engines are `ResizesCaches`.

    Then memory can be called in from a shard that is still being loaded. Without it, that has to wait for the engine.
    """

    @property
    def engines_resize(self) -> bool:
        """Whether all of them are."""
        ...


@runtime_checkable
class Remarks(Protocol):
    """What an engine may give besides: how it works at present, in a sentence for people."""

    @property
    def remark(self) -> str:
        """Shown beside the runner's status while it is ready; empty: nothing to say. Read from any thread."""
        ...


BackendFactory = Callable[[], Backend]
