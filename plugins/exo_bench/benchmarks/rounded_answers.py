"""What rounding between two stages does to `tiny`'s greedy answers.

    uv run python plugins/exo_bench/benchmarks/rounded_answers.py [--every 1]

`tiny` is cut in its middle and answers each prompt of its test list, as a chat of its own. An answer counts as equal
that has, to its end, the tokens of exact states.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast, final

import exo_source_tiny
from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.model_config import read_config
from exo_backend_mlx.stage import MlxStage
from exo_backend_mlx.tokenizer import MlxTokenizer
from exo_core.requests import ChatPrompt, Sampling
from exo_engine.codecs import CODECS, CodecName, decode, encode
from exo_engine.stage import Activation, TailOutput
from exo_engine.steps import Open, Row
from exo_source_tiny.embedded_model import EMBEDDED_FOLDER

HELD_OUT = Path(exo_source_tiny.__file__).parents[2] / "training" / "held_out.json"
LAYERS = 6
MOST_TOKENS = 160
GREEDY = Sampling(temperature=0)


def there(codec: CodecName, states: Activation) -> Activation:
    """What the next stage gets."""
    used, data = encode(codec, states)
    return decode(used, Activation(states.dtype, states.shape, data))


@final
class TwoStages:
    """Two stages of one model, whose states are rounded in between."""

    def __init__(self, first: MlxStage, second: MlxStage, codec: CodecName) -> None:
        self._first = first
        self._second = second
        self._codec: CodecName = codec

    def answer(self, prompt: Sequence[int]) -> list[int]:
        """Greedy tokens up to the end of the answer."""
        for stage in (self._first, self._second):
            stage.open(Open(sequence=1, choice=0, sampling=GREEDY, prompt_ids=tuple(prompt)))
        last, drawn = len(prompt) - 1, list[int]()
        self._step(Row(sequence=1, position=0, count=last), prompt[:-1])
        while len(drawn) < MOST_TOKENS and not (drawn and drawn[-1] in self._second.facts.end_token_ids):
            row = Row(sequence=1, position=last + len(drawn), count=1, output="token")
            drawn.append(self._step(row, [drawn[-1] if drawn else prompt[-1]]).drawn[0].token_id)
        for stage in (self._first, self._second):
            stage.close(1, None)
        return drawn

    def _step(self, row: Row, tokens: Sequence[int]) -> TailOutput:
        states = cast("Activation", self._first.forward([row], tokens))
        return cast("TailOutput", self._second.forward([row], there(self._codec, states)))


def questions(every: int) -> list[str]:
    """The prompts of tiny's test list."""
    part = cast("dict[str, Any]", json.loads(HELD_OUT.read_text()))["test"]
    return [*_prompts(part)][::every]


def _prompts(part: Mapping[str, Any]) -> Iterator[str]:
    for entry in part["arithmetic"]:
        yield f"What is {entry['a']} {entry['operator']} {entry['b']}?"
    for kind in ("small_talk", "exo"):
        yield from (entry["prompt"] for entry in part[kind])


def main() -> None:
    """Print the share of equal answers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="only one of so many prompts")
    every = parser.parse_args().every
    tokenizer = MlxTokenizer(EMBEDDED_FOLDER, read_config(EMBEDDED_FOLDER))
    prompts = [
        tokenizer.encode_chat(ChatPrompt(messages=({"role": "user", "content": asked},))) for asked in questions(every)
    ]
    first, second = load_stage(EMBEDDED_FOLDER, 0, LAYERS // 2), load_stage(EMBEDDED_FOLDER, LAYERS // 2, LAYERS)
    expected = [TwoStages(first, second, "exact").answer(prompt) for prompt in prompts]
    for codec in CODECS:
        answers = [TwoStages(first, second, codec).answer(prompt) for prompt in prompts]
        equal = sum(answer == right for answer, right in zip(answers, expected, strict=True))
        print(f"{codec:8} {equal} of {len(prompts)} answers equal ({equal / len(prompts):.1%})", flush=True)


if __name__ == "__main__":
    main()
