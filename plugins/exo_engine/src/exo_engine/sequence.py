"""One sequence as the head knows it: its tokens, and how many of them steps were already issued for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, final

from exo_core.requests import Sampling
from exo_engine.steps import Open, Row, SequenceId, Start


@final
@dataclass(kw_only=True, eq=False)
class SequenceState:
    """A choice's or a text's tokens so far. Holds no tensors: what the stages hold follows from the steps issued.

    Its known tokens but the last are computed in chunks (a text's last one too, when it is to be embedded); the last
    one is a row of its own that draws the next, so that a prompt's end is a decode step like any other.
    """

    choice: int
    sampling: Sampling
    prompt_ids: tuple[int, ...]
    most: int
    """Tokens it may come to hold, prompt included."""
    delivered: tuple[int, ...] = ()
    allowed: bytes | None = None
    """What may be drawn after the last of `tokens` (`Row.allowed`), for a choice that is held to a grammar.

    It follows from that token.
    """
    wants: Literal["tokens", "sum", "scores"] = "tokens"
    has_siblings: bool = False
    """Whether others with the same prompt wait behind it, which begin with what it computes."""
    exact: bool = False
    """Whether what is computed of it is rounded on no link."""
    is_suspect: bool = False
    """Whether it was in a step with others that failed: until it has drawn a token, its steps are its own."""
    tokens: list[int] = field(default_factory=list[int])
    """Prompt, delivered and drawn."""
    id: SequenceId | None = None
    """Its name on the stages while it is open there; another one when it is opened again."""
    scheduled: int = 0
    """How many of `tokens` are in issued steps, or were there when it was opened."""
    cached: int = 0
    """How many of them were there when it was opened."""
    reserved: int = 0
    """How many tokens it may hold at present."""
    seconds_per_token: float | None = None
    """What each token of its last chunk took on the slowest stage; None: none is known."""

    def __post_init__(self) -> None:
        self.tokens = [*self.prompt_ids, *self.delivered]

    @property
    def prefill_left(self) -> int:
        """Tokens still to be computed in chunks."""
        return max(0, len(self.tokens) - (self.wants != "sum") - self.scheduled)

    @property
    def has_drawn(self) -> bool:
        """Whether a first token is known, so that somebody waits for the next."""
        return len(self.tokens) > len(self.prompt_ids)

    @property
    def least(self) -> int:
        """Tokens it comes to hold at least: those that are known, and one that is drawn."""
        return len(self.tokens) + (self.wants == "tokens")

    @property
    def may_run_ahead(self) -> bool:
        """Whether its next row can be issued while its last token is being drawn: all else it needs is known."""
        return self.allowed is None and not self.sampling.penalises and not self.is_suspect

    @property
    def is_ahead(self) -> bool:
        """Whether a token that is being drawn is in an issued step."""
        return self.scheduled > len(self.tokens)

    @property
    def ends_with_next(self) -> bool:
        """Whether it has its last token when what is in issued steps is drawn."""
        return self.scheduled + 1 >= self.most

    def open(self, name: SequenceId, start: Start | None) -> Open:
        """The operation that begins it on every stage."""
        self.id = name
        self.scheduled = self.cached = start.length if start else 0
        return Open(
            sequence=name,
            choice=self.choice,
            sampling=self.sampling,
            prompt_ids=self.prompt_ids,
            delivered=self.delivered,
            start=start,
        )

    def close(self) -> None:
        """It is on no stage any more. Opened again, what was drawn counts as delivered."""
        self.id = None
        self.scheduled = self.reserved = 0
        self.seconds_per_token = None
        self.delivered = tuple(self.tokens[len(self.prompt_ids) :])

    def take_chunk(self, limit: int) -> tuple[Row, list[int]]:
        """The next row of at most `limit` known tokens, and those tokens."""
        assert self.id is not None  # noqa: S101  # the scheduler's mistake
        position, count = self.scheduled, min(self.prefill_left, limit)
        self.scheduled += count
        output = "none" if self.wants == "tokens" else self.wants
        row = Row(sequence=self.id, position=position, count=count, output=output)
        return row, self.tokens[position : self.scheduled]

    def take_last(self) -> tuple[Row, list[int]]:
        """The row of the last token, which draws, and that token unless it is being drawn itself."""
        assert self.id is not None  # noqa: S101  # the scheduler's mistake
        known = self.tokens[self.scheduled : self.scheduled + 1]
        row = Row(
            sequence=self.id,
            position=self.scheduled,
            count=1,
            output="token",
            allowed=self.allowed,
            drawn=not known,
        )
        self.scheduled += 1
        return row, known
