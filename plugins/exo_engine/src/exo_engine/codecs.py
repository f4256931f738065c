"""How hidden states travel between stages."""

from __future__ import annotations

from typing import final

from exo_engine.stage import Activation


@final
class ExactCodec:
    """As they are: the text of a split model is the whole model's, bit for bit."""

    @property
    def name(self) -> str:
        """Sent ahead of the data."""
        return "exact"

    def encode(self, activation: Activation) -> Activation:
        """The activation itself."""
        return activation

    def decode(self, activation: Activation) -> Activation:
        """The activation itself."""
        return activation
