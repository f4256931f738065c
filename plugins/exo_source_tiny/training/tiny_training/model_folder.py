"""Where does the package keep the model that it ships?"""

from __future__ import annotations

from pathlib import Path

MODEL_FOLDER = Path(__file__).parents[2] / "src" / "exo_source_tiny" / "model"
