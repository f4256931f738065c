"""The training code is no package of the workspace: its tests import it from where it lies."""

from __future__ import annotations

import sys
from pathlib import Path

TRAINING = Path(__file__).parents[2] / "plugins" / "exo_source_tiny" / "training"
sys.path.insert(0, str(TRAINING))
