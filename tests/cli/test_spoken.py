"""What a model thinks is told apart from what it says."""

from __future__ import annotations

import pytest

from exo_core.cli.spoken import Spoken
from exo_core.requests import Chunk, Piece


def test_thoughts_go_to_stderr_and_are_not_part_of_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    spoken = Spoken()
    spoken.show(Chunk(index=0, token_id=1, text_from=0, text="Hm", channel="reasoning"))
    said = Piece(text_from=0, text="Ye")
    spoken.show(Chunk(index=1, token_id=1, text_from=2, text=".", channel="reasoning", more=(said,)))
    spoken.show(Chunk(index=2, token_id=1, text_from=2, text="s"))
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("Yes", "Hm.\n\n")
    assert spoken.text == "Yes"
