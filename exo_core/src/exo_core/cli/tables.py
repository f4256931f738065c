"""Tables for the terminal. Cells are plain text: what people call their nodes and models is never markup."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text


def table(*columns: str, title: str | Text = "") -> Table:
    """An empty table without borders."""
    shown = Text(plain(title)) if isinstance(title, str) else title
    made = Table(title=shown or None, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, header_style="dim")
    return made


def add_row(to: Table, *cells: str | Text) -> None:
    """One line; `Text` where a cell has a colour."""
    to.add_row(*(Text(plain(cell)) if isinstance(cell, str) else cell for cell in cells))


def coloured(text: str, color: str) -> Text:
    """A cell in one colour."""
    return Text(plain(text), style=color)


def plain(text: str) -> str:
    """Without what would move a terminal's cursor or worse; line ends stay."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)
