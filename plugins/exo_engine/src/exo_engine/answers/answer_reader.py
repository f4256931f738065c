"""From the text of an answer to what its client is told: content, thoughts and calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, final

from exo_core.requests import Channel
from exo_engine.answers.calls import Calls, ToolText
from exo_engine.answers.marked_text import MarkedText, Stretch
from exo_engine.answers.markup import Section
from exo_engine.stop_strings import cut_at_stop

CHANNELS: Mapping[Section, Channel] = {
    "content": "content",
    "reasoning": "reasoning",
    "tool": "tool",
    "dropped": "content",
}


class Heard(NamedTuple):
    """Text of a channel; see `Piece`."""

    text: str
    channel: Channel = "content"
    call: int | None = None
    name: str | None = None

    def goes_on(self, before: Heard) -> bool:
        """Whether it belongs to what was heard before it."""
        return (before.channel, before.call) == (self.channel, self.call) and self.name is None


@final
class AnswerReader:
    """For one choice. What it gives is a pure function of the text it got.

    Stop strings are looked for in the content alone: in a call they would cut it off. White space around markers is
    nobody's.
    """

    def __init__(self, text: MarkedText, calls: Calls | None = None, *, parallel: bool = True) -> None:
        self._text = text
        self._calls = calls
        self._is_plain = text.section == "content" and text.is_plain
        self._parallel = parallel
        self._may_stop = ""
        """Content that might begin a stop string."""
        self._blank = ""
        """White space that a marker may follow."""
        self._before_calls = ""
        """White space before the present calls: it is content's again if they are none."""
        self._is_fresh = text.section != "content"
        """Whether nothing but white space came since the last marker."""
        self.stopped = False
        """Whether a stop string was met, or no more calls are wanted: it is over."""

    @property
    def channel(self) -> Channel:
        """Of what comes next."""
        return CHANNELS[self._text.section]

    @property
    def calls(self) -> int:
        """How many were begun."""
        return 0 if self._calls is None else self._calls.count

    def add(self, text: str, stops: Sequence[str]) -> list[Heard]:
        """What became certain with the next text, up to where it is over."""
        if self._is_plain and not stops and not self._may_stop:
            return [Heard(text)] if text else []
        return list(self._add(text, stops))

    def finish(self, text: str, stops: Sequence[str]) -> list[Heard]:
        """What became certain with the last text, if it was not over before: nothing is held back any more."""
        return list(self._finish(text, stops))

    def _add(self, text: str, stops: Sequence[str]) -> Iterator[Heard]:
        for stretch in self._text.add(text):
            yield from self._read(stretch, stops)
            if self.stopped:
                return

    def _finish(self, text: str, stops: Sequence[str]) -> Iterator[Heard]:
        yield from self._add(text, stops)
        if self.stopped:
            return
        yield from self._read(self._text.rest(), stops)
        if self._text.section == "tool":
            yield from self._end_calls("", stops)
        if not self.stopped:
            yield from self._release(self._text.section)

    def _read(self, stretch: Stretch, stops: Sequence[str]) -> Iterator[Heard]:
        match stretch.section:
            case "content":
                yield from self._content(stretch.text, stops)
            case "reasoning":
                yield from self._spaced(stretch.text, "reasoning")
            case "tool":
                yield from self._called(self._calls.add(stretch.text) if self._calls else ())
            case "dropped":
                pass
        if stretch.to is not None and not self.stopped:
            yield from self._pass_marker(stretch.section, stretch.marker, stretch.to, stops)

    def _pass_marker(self, section: Section, marker: str, to: Section, stops: Sequence[str]) -> Iterator[Heard]:
        if section == "content" and self._may_stop:
            rest, self._may_stop = self._may_stop, ""
            yield from self._spaced(rest, "content")
        before, self._blank, self._is_fresh = self._blank, "", True
        if section == "tool":
            yield from self._end_calls(marker, stops)
            self.stopped = self.stopped or (self.calls > 0 and not self._parallel)
        if to == "tool" and self._calls is not None:
            self._before_calls = before
            yield from self._called(self._calls.begin(marker))

    def _end_calls(self, marker: str, stops: Sequence[str]) -> Iterator[Heard]:
        if self._calls is None:
            return
        for told in self._calls.end(marker):
            if isinstance(told, str):
                self._is_fresh = False
                yield from self._content(self._before_calls + told, stops)
            else:
                yield from self._called((told,))

    def _called(self, told: Iterator[ToolText] | tuple[ToolText, ...]) -> Iterator[Heard]:
        for piece in told:
            yield Heard(piece.arguments, "tool", piece.call, piece.name)

    def _content(self, text: str, stops: Sequence[str]) -> Iterator[Heard]:
        cut = cut_at_stop(self._may_stop + text, stops)
        self._may_stop = cut.held
        yield from self._spaced(cut.certain, "content")
        if cut.stopped:
            yield from self._release("content")
            self.stopped = True

    def _spaced(self, text: str, channel: Channel) -> Iterator[Heard]:
        """The text without white space next to markers."""
        if self._is_fresh:
            text = text.lstrip()
        if not text:
            return
        self._is_fresh = False
        text = self._blank + text
        shown = text.rstrip() if self._text.has_end(channel) else text
        self._blank = text[len(shown) :]
        if shown:
            yield Heard(shown, channel)

    def _release(self, section: Section) -> Iterator[Heard]:
        """What was held back at the end."""
        rest = self._blank + self._may_stop
        self._blank = self._may_stop = ""
        if rest and section in ("content", "reasoning"):
            yield Heard(rest, CHANNELS[section])
