"""How an answer looks in the terminal, as it comes."""

from __future__ import annotations

import sys
from typing import final

import click

from exo_core.requests import Chunk


@final
class Spoken:
    """On stdout what the model says; on stderr, dimmed, what it thinks, so that a pipe gets the answer alone."""

    def __init__(self) -> None:
        self.text = ""
        """What was said so far."""
        self._is_thinking = False

    def show(self, chunk: Chunk) -> None:
        """Some more of it."""
        for piece in chunk.pieces:
            if piece.channel == "reasoning":
                self._think(piece.text)
            elif piece.text:
                self._say(piece.text)

    def _think(self, text: str) -> None:
        self._is_thinking = True
        click.secho(text, dim=True, nl=False, err=True)

    def _say(self, text: str) -> None:
        if self._is_thinking:
            click.echo("\n", err=True)
            self._is_thinking = False
        self.text += text
        click.echo(text, nl=False)
        sys.stdout.flush()
