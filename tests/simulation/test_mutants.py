"""Who checks the checks? Every fault planted in the protocol is unseen without other faults, and a storm finds it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from exo_core.testing.simulation.mutants import MUTANTS, planted
from exo_core.testing.simulation.simulate import MODES, Consistency, simulate

FAULT_FREE_SEED = 0
MOST_SEEDS = 300
CAUGHT = Path(__file__).with_name("catching_seeds.toml")
"""Of each mutant a storm that finds it; `find_catching_seeds.py` writes it."""


def catching() -> dict[str, dict[str, Any]]:
    """Mode and seed by mutant."""
    return tomllib.loads(CAUGHT.read_text(encoding="utf-8"))


def test_every_mutant_was_caught() -> None:
    assert len(MUTANTS) >= 10
    assert catching().keys() == MUTANTS.keys()
    assert all(where["seed"] < MOST_SEEDS for where in catching().values())


@pytest.mark.parametrize("consistency", MODES)
@pytest.mark.parametrize("name", MUTANTS)
def test_it_is_not_seen_without_other_faults(name: str, consistency: Consistency) -> None:
    with planted(name):
        assert simulate(FAULT_FREE_SEED, consistency, faults=False).violation is None


@pytest.mark.parametrize("name", MUTANTS)
def test_its_storm_finds_it(name: str) -> None:
    where = catching()[name]
    with planted(name):
        assert simulate(where["seed"], where["consistency"]).violation is not None
