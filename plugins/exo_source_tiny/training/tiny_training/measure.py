# /// script
# requires-python = ">=3.11"
# dependencies = ["mlx-lm>=0.30", "mlx[cpu]>=0.30; sys_platform == 'linux'"]
# ///
"""How many held-out prompts does the exported model answer right?

Every prompt is a chat of its own, answered greedily through the chat template by mlx_lm, nothing constrained, up to 160
tokens. Right is, for a sum, exactly the digits of the result (with `-` before a negative one); for a question in words,
exactly the one answer of its topic, a whole sentence; for a call, the tool's name and arguments equal to those asked
for, and no word beside it; for JSON, an equal value. Nothing else counts, not even a different true sentence.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import mlx_lm

from tiny_training.arithmetic import draw_sum_prompt
from tiny_training.conversation import draw_conversation
from tiny_training.held_out import PARTS, HeldOut, Sum, read_held_out
from tiny_training.model_folder import MODEL_FOLDER
from tiny_training.tool_trials import tool_skills
from tiny_training.topics import read_topics
from tiny_training.trials import Message, Trial, asked

_LONGEST_ANSWER = 160
_CHAT_TURNS = 3

Answer = Callable[[Sequence[Trial]], list[str]]


def main() -> None:
    """Print the share of right answers per skill, and with --wrong the wrong ones."""
    parser = argparse.ArgumentParser(description="measure the embedded model")
    parser.add_argument("--model", type=Path, default=MODEL_FOLDER)
    parser.add_argument("--part", choices=PARTS, default="test")
    parser.add_argument("--wrong", action="store_true", help="print the wrong answers too")
    parser.add_argument("--every", type=int, default=1, help="only one of so many trials, for a quick look")
    parser.add_argument("--rows", default="", help="only the rows whose name holds this")
    options = parser.parse_args()
    answer = load_answerer(options.model)
    held_out = read_held_out(options.part)
    for skill, trials in (skills(held_out) | tool_skills(options.part, held_out)).items():
        if options.rows in skill:
            report(skill, trials[:: options.every], answer, options.wrong)


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
    trials = {skill: [Trial(asked(prompt), right) for prompt, right in pairs] for skill, pairs in alone.items()}
    trials["all of them, after a chat of three turns"] = [
        Trial(_earlier(rng) + asked(prompt), right) for prompt, right in (*varied[::3], *small, *exo)
    ]
    return trials


def varied_sum(question: Sum, rng: Random) -> str:
    """One of the phrasings, capitalised."""
    prompt = draw_sum_prompt(question, rng)
    return prompt[:1].upper() + prompt[1:]


def load_answerer(folder: Path) -> Answer:
    """Greedy answers of the model in a folder."""
    model, tokenizer = mlx_lm.load(str(folder))

    def answer(trials: Sequence[Trial]) -> list[str]:
        prompts = [
            tokenizer.apply_chat_template(
                list(trial.messages),
                tools=list(trial.tools) or None,
                response_format=trial.response_format,
                add_generation_prompt=True,
            )
            for trial in trials
        ]
        return mlx_lm.batch_generate(model, tokenizer, prompts, max_tokens=_LONGEST_ANSWER).texts

    return answer


def report(skill: str, trials: Sequence[Trial], answer: Answer, show_wrong: bool) -> None:
    """Print one row of the table."""
    answered = list(zip(trials, answer(trials), strict=True))
    wrong = [(trial, given) for trial, given in answered if not trial.is_right(given, trial.right)]
    share = 100 * (len(trials) - len(wrong)) / len(trials)
    print(f"| {skill} | {len(trials) - len(wrong)} of {len(trials)} | {share:.1f} % |", flush=True)
    for trial, given in wrong if show_wrong else ():
        print("   ", json.dumps([trial.messages[-1]["content"], trial.right, given], ensure_ascii=False))


def _earlier(rng: Random) -> list[Message]:
    turns = draw_conversation(rng, turns=_CHAT_TURNS).turns
    pairs = (({"role": "user", "content": t.prompt}, {"role": "assistant", "content": t.answer}) for t in turns)
    return [message for pair in pairs for message in pair]


if __name__ == "__main__":
    main()
