# /// script
# requires-python = ">=3.11"
# dependencies = ["mlx-lm>=0.30", "mlx[cpu]>=0.30; sys_platform == 'linux'"]
# ///
"""How many held-out prompts does the exported model answer right?

Every prompt is a chat of its own, answered greedily through the chat template by mlx_lm, up to 64 tokens. Right is,
for a sum, exactly the digits of the result (with `-` before a negative one); for a question in words, exactly the one
answer of its topic, a whole sentence. Nothing else counts, not even a different true sentence.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import mlx_lm

from tiny_training.arithmetic import draw_sum_prompt
from tiny_training.conversation import draw_conversation
from tiny_training.held_out import PARTS, HeldOut, Sum, read_held_out
from tiny_training.model_folder import MODEL_FOLDER
from tiny_training.topics import read_topics

_LONGEST_ANSWER = 64
_CHAT_TURNS = 3

Message = dict[str, str]
Trial = tuple[list[Message], str]
Answer = Callable[[list[Message]], str]


def main() -> None:
    """Print the share of right answers per skill, and with --wrong the wrong ones."""
    parser = argparse.ArgumentParser(description="measure the embedded model")
    parser.add_argument("--model", type=Path, default=MODEL_FOLDER)
    parser.add_argument("--part", choices=PARTS, default="test")
    parser.add_argument("--wrong", action="store_true", help="print the wrong answers too")
    options = parser.parse_args()
    answer = load_answerer(options.model)
    for skill, trials in skills(read_held_out(options.part)).items():
        report(skill, trials, answer, options.wrong)


def skills(held_out: HeldOut) -> dict[str, list[Trial]]:
    """Skill -> its chats and right answers. A chat is the prompt alone, except in the row "after a chat"."""
    rng = Random("measure")  # noqa: S311 - repeatable text, no secret
    answers = {subject.name: subject.answer for subject in (*read_topics("about_exo"), *read_topics("small_talk"))}
    plain = [(f"What is {q.a} {q.operator} {q.b}?", str(q.result)) for q in held_out.arithmetic]
    varied = [(varied_sum(q, rng), str(q.result)) for q in held_out.arithmetic]
    small = [(q.prompt, answers[q.topic]) for q in held_out.small_talk]
    exo = [(q.prompt, answers[q.topic]) for q in held_out.exo]
    alone = {"sums and differences, `What is a + b?`": plain, "sums and differences, any phrasing": varied}
    alone |= {"greetings and small talk": small, "questions about exo": exo}
    trials = {skill: [(_chat(prompt), right) for prompt, right in pairs] for skill, pairs in alone.items()}
    trials["all of them, after a chat of three turns"] = [
        (_earlier(rng) + _chat(prompt), right) for prompt, right in (*varied[::3], *small, *exo)
    ]
    return trials


def varied_sum(question: Sum, rng: Random) -> str:
    """One of the phrasings, capitalised."""
    prompt = draw_sum_prompt(question, rng)
    return prompt[:1].upper() + prompt[1:]


def load_answerer(folder: Path) -> Answer:
    """Greedy answers of the model in a folder."""
    model, tokenizer = mlx_lm.load(str(folder))

    def answer(messages: list[Message]) -> str:
        ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        return mlx_lm.generate(model, tokenizer, ids, max_tokens=_LONGEST_ANSWER)

    return answer


def report(skill: str, trials: Iterable[Trial], answer: Answer, show_wrong: bool) -> None:
    """Print one row of the table."""
    results = [(messages, right, answer(messages)) for messages, right in trials]
    wrong = [result for result in results if result[1] != result[2]]
    share = 100 * (len(results) - len(wrong)) / len(results)
    print(f"| {skill} | {len(results) - len(wrong)} of {len(results)} | {share:.1f} % |", flush=True)
    for messages, right, given in wrong if show_wrong else ():
        print("   ", json.dumps([messages[-1]["content"], right, given], ensure_ascii=False))


def _chat(prompt: str) -> list[Message]:
    return [{"role": "user", "content": prompt}]


def _earlier(rng: Random) -> list[Message]:
    turns = draw_conversation(rng, turns=_CHAT_TURNS).turns
    pairs = (({"role": "user", "content": t.prompt}, {"role": "assistant", "content": t.answer}) for t in turns)
    return [message for pair in pairs for message in pair]


if __name__ == "__main__":
    main()
