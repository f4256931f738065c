"""What does training do when? Mixtures and rows by stage, and the learning rate."""

from __future__ import annotations

from typing import NamedTuple

from tiny_training.conversation import Mixture


class Stage(NamedTuple):
    """From `first_step` on, a step has so many rows.

    The share `repeats` of them is random tokens, each run of them more than once; the share `plain` holds plain
    conversations of this mixture, many to a row. In the others the shares `tools` and `json` of the conversations are
    with declared tools, `most_tools` of them at most, or answered as JSON. `before` is the share of the loss for the
    tokens before (train.py).
    """

    first_step: int
    rows: int
    tools: float
    json: float
    mixture: Mixture
    most_tools: int
    repeats: float = 0.0
    plain: float = 0.0
    before: float = 0.0


_PLAIN = Mixture(arithmetic=0.6, exo=0.2, small_talk=0.16, bare_sums=0.3, small_sums=0.1)
_MORE_SUMS = Mixture(arithmetic=0.76, exo=0.12, small_talk=0.09, bare_sums=0.5, small_sums=0.2)
_FACTS = Mixture(arithmetic=0.3, exo=0.48, small_talk=0.16, bare_sums=0.4, small_sums=0.2)
_SUMS = Mixture(arithmetic=0.9, exo=0.05, small_talk=0.035, bare_sums=0.6, small_sums=0.25)

# To copy is learned first, where there is nothing else to learn; then what calls are made of, from one tool or two;
# then to choose from several; what sums lost at high rates is mended after that, and what facts lost, last.
STAGES = (
    Stage(0, 8, 0.25, 0.15, _PLAIN, 1, repeats=0.6, before=0.5),
    Stage(300, 8, 0.3, 0.2, _PLAIN, 1, repeats=0.5, before=0.25),
    Stage(900, 8, 0.55, 0.35, _MORE_SUMS, 4, repeats=0.04, plain=0.5, before=0.05),
    Stage(1100, 8, 0.6, 0.3, _PLAIN, 2, repeats=0.06, plain=0.2, before=0.02),
    Stage(1800, 8, 0.6, 0.3, _PLAIN, 4, repeats=0.04, plain=0.3),
    Stage(2400, 10, 0.6, 0.3, _SUMS, 4, repeats=0.02, plain=0.75),
    Stage(4000, 8, 0.6, 0.3, _MORE_SUMS, 4, plain=0.5),
    Stage(5000, 8, 0.75, 0.2, _FACTS, 4, plain=0.5),
)
STEPS = 6600

# (step, rate), linear between; a step that stands twice is a jump. No circuit that copies formed at rates up to 2.5e-3.
RATES = (
    (0, 0.0),
    (30, 2e-3),
    (600, 2e-3),
    (620, 8e-3),
    (900, 8e-3),
    (900, 5e-3),
    (2400, 5e-3),
    (4000, 4e-3),
    (5000, 0.0),
    (5000, 4e-3),
    (5700, 4e-3),
    (6600, 0.0),
)


def stage_at(step: int) -> Stage:
    """The stage that a step belongs to."""
    return next(stage for stage in reversed(STAGES) if step >= stage.first_step)
