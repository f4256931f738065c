"""Which requests are open, whose a sequence is, and how requests end before they are answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from exo_core.identifiers import RequestId
from exo_core.requests import Failed
from exo_engine.open_request import OpenRequest
from exo_engine.scheduler import Scheduler
from exo_engine.sequence import SequenceState


@final
class OpenRequests:
    """A sequence that ends here leaves the scheduler too."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._by_id: dict[RequestId, OpenRequest] = {}
        self._by_sequence: dict[SequenceState, OpenRequest] = {}

    def add(self, opened: OpenRequest) -> None:
        """Have its sequences computed; nothing if it has none."""
        if not opened.sequences:
            return
        self._by_id[opened.request.request_id] = opened
        for sequence in opened.sequences:
            self._by_sequence[sequence] = opened
            self._scheduler.add(sequence)

    @property
    def are_any_open(self) -> bool:
        """Whether anybody waits for a next token."""
        return bool(self._by_sequence)

    def of(self, sequence: SequenceState) -> OpenRequest | None:
        """Whose it is; None when it is over."""
        return self._by_sequence.get(sequence)

    def finish(self, sequence: SequenceState, *, keep: bool = True) -> None:
        """Forget a sequence, and its request with the last one."""
        opened = self._by_sequence.pop(sequence)
        self._scheduler.remove(sequence, keep=keep)
        opened.sequences.remove(sequence)
        request_id = opened.request.request_id
        if not opened.sequences and self._by_id.get(request_id) is opened:
            del self._by_id[request_id]

    def cancel(self, request_id: RequestId) -> None:
        """End a request that nobody wants any more; an unknown one is ignored."""
        opened = self._by_id.get(request_id)
        for sequence in tuple(opened.sequences) if opened else ():
            assert opened is not None  # noqa: S101  # for the type checker
            opened.cancelled(sequence)
            self.finish(sequence)

    def fail(self, opened: OpenRequest, code: str, message: str) -> None:
        """End a request with an error."""
        for sequence in tuple(opened.sequences):
            self.finish(sequence, keep=False)
        opened.answer(Failed(code=code, message=message))

    def fail_those_of(self, sequences: Iterable[SequenceState], code: str, message: str) -> None:
        """End the requests that these sequences belong to, each once."""
        for sequence in sequences:
            opened = self.of(sequence)  # None after the first of its sequences
            if opened is not None:
                self.fail(opened, code, message)

    def fail_all(self, code: str, message: str) -> None:
        """End every request."""
        for opened in tuple(self._by_id.values()):
            self.fail(opened, code, message)
