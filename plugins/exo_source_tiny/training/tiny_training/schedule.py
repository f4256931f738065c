"""What does training do when? Mixtures and rows by stage, and the learning rate."""

from __future__ import annotations

from typing import NamedTuple

from tiny_training.conversation import BALANCED, Mixture


class Stage(NamedTuple):
    """From `first_step` on, a step has so many rows of this mixture."""

    first_step: int
    mixture: Mixture
    rows: int


# Questions in words are learned first and sums last, so sums get the larger part of most stages. One-digit sums, where
# the tables and the carry stand alone, are oversampled until they are known.
STAGES = (
    Stage(0, BALANCED, 24),
    Stage(1000, Mixture(arithmetic=0.78, exo=0.13, small_talk=0.06), 24),
    Stage(1250, Mixture(arithmetic=0.92, exo=0.045, small_talk=0.025, bare_sums=0.6), 24),
    Stage(1750, Mixture(arithmetic=0.92, exo=0.045, small_talk=0.025, bare_sums=0.6, small_sums=0.45), 16),
    Stage(2250, Mixture(arithmetic=0.9, exo=0.05, small_talk=0.04, bare_sums=0.6, small_sums=0.15), 16),
    Stage(2750, Mixture(arithmetic=0.65, exo=0.2, small_talk=0.12, bare_sums=0.4, small_sums=0.1), 16),
    Stage(3100, Mixture(arithmetic=0.5, exo=0.22, small_talk=0.23, bare_sums=0.3, small_sums=0.1), 16),
    Stage(3250, Mixture(arithmetic=0.76, exo=0.1, small_talk=0.11, bare_sums=0.5, small_sums=0.1), 16),
    Stage(3900, Mixture(arithmetic=0.5, exo=0.17, small_talk=0.28, bare_sums=0.4, small_sums=0.1), 16),
)
STEPS = 4300

# (step, rate), linear between; a step that stands twice is a jump. The rate falls to zero three times: after the first
# nine sums in ten were right, the second, lower round mended most of the rest, and the third is mostly for greetings.
RATES = (
    (0, 0.0),
    (150, 4e-3),
    (1680, 4e-3),
    (1750, 3.75e-3),
    (1750, 4e-3),
    (2300, 4e-3),
    (3100, 0.0),
    (3100, 2e-3),
    (3250, 1.7e-3),
    (3250, 2e-3),
    (3900, 0.0),
    (3900, 1.5e-3),
    (4300, 0.0),
)


def stage_at(step: int) -> Stage:
    """The stage that a step belongs to."""
    return next(stage for stage in reversed(STAGES) if step >= stage.first_step)
