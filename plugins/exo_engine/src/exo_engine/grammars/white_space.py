"""How much white space JSON may have between its parts."""

from __future__ import annotations

WHITE_SPACE = r" ?|\n {0,24}"
"""A space, or a new line and what it is indented by. Were it without end, a model that likes white space would never
come to its point."""
