"""How many tokens does the second turn of a conversation compute again?

    uv run python plugins/exo_bench/benchmarks/second_turn.py [--stages 2]

With `tiny`, whose answers are text that becomes the same token ids again. Needed are those after the longest common
prefix of ids of the first turn (prompt and answer) and the second; asked is at most one more. What was computed is what
`usage` says: prompt tokens less cached ones.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import takewhile

from cores import threads
from exo_sides import Placed, one_stage, two_stages

from exo_backend_mlx.tokenizer import MlxTokenizer
from exo_core.cli.documents import as_number, as_object, as_text, objects
from exo_core.frozen import JsonObject
from exo_core.requests import ChatPrompt
from exo_source_tiny.embedded_model import EMBEDDED_FOLDER

QUESTIONS = ("What is 17 + 25?", "Hello! How are you?", "What is exo?", "What is 90 - 31?", "How do I add a machine?")
FOLLOW_UP = "What is 3 + 4?"


def common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def turn(placed: Placed, messages: list[JsonObject]) -> tuple[str, JsonObject]:
    """The answer, and its usage."""
    body: JsonObject = {"model": placed.model, "messages": [*messages], "temperature": 0, "max_tokens": 200}
    answer = placed.nodes[0].post("/v1/chat/completions", body)
    message = as_object(objects(answer["choices"])[0].get("message"))
    return as_text(message.get("content")), as_object(answer["usage"])


def needed(tokenizer: MlxTokenizer, first: list[JsonObject], answer: str, second: list[JsonObject]) -> int:
    """The tokens of the second prompt that the first turn never saw."""
    seen = [*tokenizer.encode_chat(ChatPrompt(messages=tuple(first))), *tokenizer.encode(answer)]
    prompt = tokenizer.encode_chat(ChatPrompt(messages=tuple(second)))
    return len(prompt) - common_prefix(seen, prompt)


def main() -> None:
    """Two turns for each question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", type=int, choices=(1, 2), default=1)
    chosen = parser.parse_args()
    tokenizer = MlxTokenizer(EMBEDDED_FOLDER, json.loads((EMBEDDED_FOLDER / "config.json").read_text()))
    worst = 0
    with one_stage("tiny", threads(1)) if chosen.stages == 1 else two_stages("tiny", threads(1)) as placed:
        for question in QUESTIONS:
            first: list[JsonObject] = [{"role": "user", "content": question}]
            answer, _ = turn(placed, first)
            second: list[JsonObject] = [
                *first,
                {"role": "assistant", "content": answer},
                {"role": "user", "content": FOLLOW_UP},
            ]
            usage = turn(placed, second)[1]
            prompt = int(as_number(usage.get("prompt_tokens")))
            computed = prompt - int(as_number(as_object(usage.get("prompt_tokens_details")).get("cached_tokens")))
            least = needed(tokenizer, first, answer, second)
            worst = max(worst, computed - least)
            print(f"{question:30} second prompt {prompt} tokens, computed {computed}, needed {least}", flush=True)
    print(f"at most {worst} more than needed (asked: at most 1) · {'met' if worst <= 1 else 'NOT MET'}")


if __name__ == "__main__":
    main()
