"""Some of a parrot's layers. The first stage hears tokens, each layer exchanges bytes, the last repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from exo_engine.stage import Activation, TailOutput
from exo_engine.steps import Drawn, Open, Row, StageReport, Start
from pigeon.parrot_words import END


@final
class ParrotStage:
    """See `exo_engine.stage.Stage`. What is a cache elsewhere is here what the stage has passed on so far."""

    def __init__(self, feathers: Sequence[bytes], *, is_first: bool, is_last: bool) -> None:
        self.is_first = is_first
        self.is_last = is_last
        self._feathers = feathers
        self._opened: dict[int, Open] = {}
        self._heard: dict[int, bytearray] = {}
        self._snapshots: dict[int, bytes] = {}

    def open(self, operation: Open) -> None:
        """Begin to listen, or go on from what was remembered."""
        self._opened[operation.sequence] = operation
        self._heard[operation.sequence] = self._remembered(operation.start) if operation.start else bytearray()

    def forward(self, rows: Sequence[Row], inputs: Sequence[int] | Activation) -> Activation | TailOutput:
        """Put the bytes through the layers; on the last stage, say what comes next."""
        spoken = bytes(inputs.data if isinstance(inputs, Activation) else inputs)
        for feather in self._feathers:
            spoken = spoken.translate(feather)
        at = 0
        for row in rows:
            self._hear(row, spoken[at : at + row.count])
            at += row.count
        if self.is_last:
            return TailOutput(drawn=tuple(self._repeat(row) for row in rows if row.output == "token"))
        return Activation("U8", (len(spoken), 1), spoken)

    def trim(self, sequence: int, length: int) -> None:
        """Forget the end."""
        del self._heard[sequence][length:]

    def snapshot(self, sequence: int, snapshot: int) -> None:
        """Remember what was heard."""
        self._snapshots[snapshot] = bytes(self._heard[sequence])

    def evict(self, snapshot: int) -> None:
        """Forget it again."""
        del self._snapshots[snapshot]

    def close(self, sequence: int, keep: int | None) -> None:
        """Stop listening; remember what was heard if asked to."""
        heard = self._heard.pop(sequence)
        del self._opened[sequence]
        if keep is not None:
            self._snapshots[keep] = bytes(heard)

    def clear(self) -> None:
        """Forget everything but the feathers."""
        self._opened.clear()
        self._heard.clear()
        self._snapshots.clear()

    def lengths(self) -> Mapping[int, int]:
        """Bytes heard, by sequence."""
        return {sequence: len(heard) for sequence, heard in self._heard.items()}

    def report(self) -> StageReport:
        """A parrot forgets as easily as it learns. How much it can remember nobody has measured."""
        return StageReport(bytes_per_token=1, trimmable=True)

    def _remembered(self, start: Start) -> bytearray:
        heard = self._snapshots.pop(start.snapshot) if start.take else self._snapshots[start.snapshot]
        return bytearray(heard[: start.length])

    def _hear(self, row: Row, spoken: bytes) -> None:
        heard = self._heard[row.sequence]
        if len(heard) != row.position:
            message = f"a row at {row.position} of a sequence of {len(heard)} tokens"
            raise ValueError(message)
        heard += spoken

    def _repeat(self, row: Row) -> Drawn:
        """The prompt's next byte, or the end. A parrot is sure of itself: no temperature changes its mind."""
        opened = self._opened[row.sequence]
        prompt = self._heard[row.sequence][: len(opened.prompt_ids)]
        index = row.position + row.count - len(prompt)
        goes_on = opened.sampling.ignore_eos or index < opened.sampling.min_tokens
        token_id = prompt[index % len(prompt)] if goes_on or index < len(prompt) else END
        if opened.sampling.logprobs is None:
            return Drawn(sequence=row.sequence, token_id=token_id)
        return Drawn(sequence=row.sequence, token_id=token_id, logprob=0.0, top=((token_id, 0.0),))
