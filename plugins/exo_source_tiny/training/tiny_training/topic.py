"""What is one topic: an answer, and the patterns of the questions that ask for it?"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import final

from tiny_training.phrasing import draw, substitute_macros

MACROS = {
    "machine": "machine|computer|node|laptop|mac|box|server|device|PC",
    "machines": "machines|computers|nodes|laptops|macs|boxes|servers|devices|PCs",
    "second": "a second|another|a new|one more|an additional|my other|the other|my second|the second|a further|a 2nd",
    "cluster": "cluster|network|group",
    "who": "I|we|you|one|someone|people",
    "how": "how (do|can|could|should|would|must) (I|we|you|one)|how to|how does one|how might I|tell me how to|explain how to"
    "|show me how to|I want to|I'd like to|I would like to|I need to|is there a way to|can I|could I|may I|is it possible to"
    "|(could|can|would) you (tell|show) me how to|please tell me how I can|do you know how to|help me|help me to"
    "|what (do|should|must) I (type|do|run|enter|write) to|which command (do I use|is there|would I use) to"
    "|what (command|option) (do I need|lets me|is used|should I use) to|what is the (way|command|best way|right way|option) to"
    "|what's the (way|command|easiest way|option) to|how am I supposed to|how do people|let me|I am trying to|trying to|any way to|",
    "what": "what is|what's|what exactly is|what is meant by|tell me what is|explain|explain what is|describe|define|tell me about"
    "|can you explain|could you explain|(can|could) you tell me what is|I want to know what is|please explain|please describe"
    "|do you know what is|so what is|and what is|now what is|what on earth is|what kind of thing is|say what is"
    "|give me a (short|brief|) (description|explanation|definition) of|what do you know about|what about",
    "exo": "exo|exo|exo|this|this (program|software|system|tool|project)|the (program|software|system|tool|project)",
}


@final
@dataclass(frozen=True, slots=True)
class Topic:
    """One answer and the patterns that ask for it; every phrasing of `patterns` has this one right answer."""

    name: str
    answer: str
    patterns: tuple[str, ...]

    def draw_prompt(self, rng: Random) -> str:
        """A phrasing, before noise; patterns weigh the same however many phrasings they hold."""
        return draw(rng.choice(self.patterns), rng)


def topic(name: str, answer: str, *patterns: str) -> Topic:
    """A topic whose patterns may use MACROS."""
    return Topic(name, answer, tuple(substitute_macros(pattern, MACROS) for pattern in patterns))
