"""A text that comes in pieces, by sections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import final

from exo_engine.answers.markup import Section
from exo_engine.stop_strings import cut_at_stop


@dataclass(frozen=True)
class Stretch:
    """Text of a section. `marker` ended it, and led to the section `to`."""

    section: Section
    text: str
    marker: str = ""
    to: Section | None = None


@final
class MarkedText:
    """Finds markers, and holds back what might begin one. See `Markup`.

    `first_call`: a text that begins so is calls of tools from there on; empty: there is no such beginning.
    """

    def __init__(
        self, edges: Mapping[Section, tuple[tuple[str, Section], ...]], section: Section, first_call: str = ""
    ) -> None:
        self.section: Section = section
        self._ways = {section: dict(ways) for section, ways in edges.items()}
        self._markers = {section: tuple(ways) for section, ways in self._ways.items()}
        self._first_call = first_call
        self._held = ""

    @property
    def is_plain(self) -> bool:
        """Whether all of the text is of one section, and nothing is held back."""
        return not (self._ways.get(self.section) or self._first_call)

    def has_end(self, section: Section) -> bool:
        """Whether some marker ends such a section."""
        return bool(self._ways.get(section))

    def add(self, text: str) -> Iterator[Stretch]:
        """What became certain."""
        if self._first_call:
            beginning = self._held + text
            if len(beginning) < len(self._first_call) and self._first_call.startswith(beginning):
                self._held = beginning
                return
            self._held, text = "", beginning
            if text.startswith(self._first_call):
                marker, section, self.section = self._first_call, self.section, "tool"
                yield Stretch(section, "", marker, "tool")
                text = text.removeprefix(marker)
            self._first_call = ""
        yield from self._sections(text)

    def _sections(self, text: str) -> Iterator[Stretch]:
        while True:
            cut = cut_at_stop(self._held + text, self._markers.get(self.section, ()))
            self._held, section = cut.held, self.section
            if cut.met is None:
                if cut.certain:
                    yield Stretch(section, cut.certain)
                return
            self.section = self._ways[section][cut.met]
            yield Stretch(section, cut.certain, cut.met, self.section)
            text = cut.after

    def rest(self) -> Stretch:
        """What was held back; no more comes."""
        held, self._held = self._held, ""
        return Stretch(self.section, held)
