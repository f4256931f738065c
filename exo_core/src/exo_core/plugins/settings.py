"""A component's own settings: the environment variables EXO_<NAME>_<KEY>."""

from __future__ import annotations

from collections.abc import Mapping


def settings_of(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Keys in lower case; `EXO_PIGEON_FOLDER=x` is `{"folder": "x"}` for `pigeon`."""
    prefix = settings_prefix(name)
    return {
        variable.removeprefix(prefix).lower(): value
        for variable, value in environment.items()
        if variable.startswith(prefix)
    }


def settings_prefix(name: str) -> str:
    """How the names of a component's variables begin."""
    return f"EXO_{name.upper().replace('-', '_')}_"
