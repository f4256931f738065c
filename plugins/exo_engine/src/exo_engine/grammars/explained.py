"""Why a grammar is not taken, in words for whoever sent it: the library's, with the keyword of the schema in front."""

from __future__ import annotations

import json
import re

from exo_core.requests import Grammar

_WHAT = {"json_schema": "the JSON schema", "json_object": "the JSON schema", "regex": "the regular expression"}
_UNIMPLEMENTED = re.compile(r"Unimplemented keys: (\[.*\])")
LONGEST_REASON = 500
"""Characters: a message may quote a large schema."""


def explained(grammar: Grammar, reason: str) -> str:
    """One sentence. `reason` is what llguidance said."""
    what = _WHAT.get(grammar.kind, "the grammar")
    found = _UNIMPLEMENTED.search(reason)
    if found is not None:
        return f"{what} cannot be used: {_keywords(json.loads(found[1]))}; leave it out and check the answer yourself"
    return f"{what} cannot be used: {_one_line(reason)}"


def _keywords(names: list[str]) -> str:
    quoted = ", ".join(f"'{name}'" for name in names)
    return f"the keyword {quoted} is not supported" if len(names) == 1 else f"the keywords {quoted} are not supported"


def _one_line(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]} …"
