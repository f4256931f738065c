"""Find, for every mutant, the first storm that catches it; writes `catching_seeds.toml`. Ends with 1 if one hides."""

from __future__ import annotations

import sys
from pathlib import Path

from exo_core.testing.simulation.mutants import MUTANTS, planted
from exo_core.testing.simulation.simulate import MODES, simulate

SEEDS = 300
CAUGHT = Path(__file__).with_name("catching_seeds.toml")


def first_catch(name: str) -> tuple[str, int, str] | None:
    """Mode, seed and what was seen."""
    with planted(name):
        for seed in range(SEEDS):
            for consistency in MODES:
                violation = simulate(seed, consistency).violation
                if violation is not None:
                    return consistency, seed, violation
    return None


def main() -> int:
    """All of them, one after the other."""
    lines = ["# Where each mutant is caught first: written by find_catching_seeds.py"]
    hidden = 0
    for name in MUTANTS:
        caught = first_catch(name)
        print(f"{name}: {caught or 'NOT CAUGHT'}", flush=True)
        hidden += caught is None
        if caught is not None:
            lines.append(f'"{name}" = {{ consistency = "{caught[0]}", seed = {caught[1]} }}')
    CAUGHT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(hidden > 0)


if __name__ == "__main__":
    sys.exit(main())
