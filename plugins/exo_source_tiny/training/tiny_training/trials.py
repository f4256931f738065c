"""What is one trial of a measurement, and when is an answer right?"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from tiny_training.fields import Json
from tiny_training.tools import CALL, CALL_END

Message = Mapping[str, Json]
_CALL = re.compile(rf"{CALL}\n(.*?)\n{CALL_END}\n?", re.DOTALL)


def same_text(given: str, right: str) -> bool:
    """Letter for letter."""
    return given == right


def same_json(given: str, right: str) -> bool:
    """The same value, in whatever spacing and order of keys."""
    return _canonical(given) == _canonical(right) is not None


def same_calls(given: str, right: str) -> bool:
    """The same calls in the same order, and no word beside them."""
    if _CALL.sub("", given):
        return False
    calls, expected = _CALL.findall(given), _CALL.findall(right)
    return len(calls) == len(expected) and all(map(same_json, calls, expected))


@final
@dataclass(frozen=True, slots=True)
class Trial:
    """A chat and its right answer. `tools` and `response_format` are as OpenAI's API has them."""

    messages: Sequence[Message]
    right: str
    tools: Sequence[Json] = ()
    response_format: Json = None
    is_right: Callable[[str, str], bool] = same_text


def asked(prompt: str) -> list[Message]:
    """A chat that is one question."""
    return [{"role": "user", "content": prompt}]


def _canonical(text: str) -> str | None:
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except ValueError:
        return None
