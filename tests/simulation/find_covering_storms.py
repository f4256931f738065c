"""Find few storms that together run through most of the protocol; writes `covering_storms.txt`. Takes some minutes.

uv run python tests/simulation/find_covering_storms.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from coverage import Coverage

if TYPE_CHECKING:
    from exo_core.testing.simulation.simulate import Consistency

HERE = Path(__file__).parent
FOUND = HERE / "covering_storms.txt"
SEEDS, STORMS = 60, 14
Storm = tuple["Consistency", int]
Steps = set[tuple[str, int, int]]


def reached() -> dict[Storm, Steps]:
    """By (mode, seed) the steps from line to line that a storm made."""
    coverage = Coverage(config_file=str(HERE / "coverage.ini"), data_file=None)
    with coverage.collect():
        from exo_core.testing.simulation.simulate import MODES, simulate  # so that what modules do at first counts too

        storms: list[Storm] = [(mode, seed) for seed in range(SEEDS) for mode in MODES]
        for mode, seed in storms:
            coverage.switch_context(f"{mode} {seed}")
            simulate(seed, mode)
    data, found = coverage.get_data(), dict[Storm, Steps]()
    for mode, seed in storms:
        data.set_query_context(f"{mode} {seed}")
        steps = ((file, data.arcs(file) or ()) for file in data.measured_files())
        found[mode, seed] = {(file, start, end) for file, arcs in steps for start, end in arcs}
    return found


def main() -> None:
    """Each next storm is that which adds most."""
    storms, known = reached(), Steps()
    lines = ["# mode and seed: written by find_covering_storms.py"]
    while len(lines) <= STORMS:
        mode, seed = max(storms, key=lambda storm: len(storms[storm] - known))
        known |= storms[mode, seed]
        lines.append(f"{mode} {seed}")
        print(lines[-1], len(known), flush=True)
    FOUND.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
