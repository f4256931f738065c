"""What the suites of all clients share: where to ask, and a few words on stdout for each thing that holds."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

URL = os.environ["EXO_URL"]
"""Of the node, without a path."""
BASE_URL = f"{URL}/v1"
CALLER = os.environ["EXO_CALLER"]
"""A model that calls tools."""
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"enum": ["Bern", "Oslo"]}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "of a city", "parameters": PARAMETERS}}
QUESTION = [{"role": "user", "content": "What is the weather?"}]


class Person(BaseModel):
    """Somebody. Of few values: a random model would say others without end, and some clients leave out their limits."""

    model_config = ConfigDict(extra="forbid")
    name: Literal["Ada", "Bo"]
    age: Literal[36, 51]


class WeatherOf(BaseModel):
    """What is asked of the weather."""

    model_config = ConfigDict(extra="forbid")
    city: Literal["Bern", "Oslo"]
    days: Literal[1, 2, 3]


def check_weather(arguments: object) -> None:
    """The arguments of a call, as JSON or already read, fit their schema."""
    read = json.loads(arguments) if isinstance(arguments, str) else arguments
    assert isinstance(read, dict), read
    assert read["city"] in {"Bern", "Oslo"}, read
    assert 1 <= read["days"] <= 9, read
    assert len(read) == 2, read


def raises(kind: type[Exception], act: Callable[[], object]) -> None:
    """It fails with an error of that kind."""
    try:
        act()
    except kind:
        return
    message = f"no {kind.__name__}"
    raise AssertionError(message)


def until_idle() -> None:
    """Nobody computes any more within two seconds."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{URL}/state") as answer:  # noqa: S310  the node of the test
            runners = json.load(answer)["runners"].values()
        if all(runner["status"] != "busy" for runner in runners):
            return
        time.sleep(0.05)
    message = "the model still works for a client that went away"
    raise AssertionError(message)


def run(*parts: Callable[[], object]) -> None:
    """Each part in turn; the first that fails ends the suite."""
    for part in parts:
        part()
        print(f"ok {part.__name__}", flush=True)
