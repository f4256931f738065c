"""How does a careless person change a prompt: case, punctuation, fillers, a slip of the finger?"""

from __future__ import annotations

from random import Random

_BEFORE = (
    "please", "hi,", "hey,", "hello,", "ok,", "so", "so,", "exo,", "tiny,", "well,", "hey tiny,", "dear tiny,", "one question:",
    "question:", "quick question:", "I wonder:", "excuse me,", "sorry,", "and", "hm,", "now", "tell me,", "hello!", "hi!", "again:",
    "I have a question:", "thanks.", "thank you.", "ok.", "good.", "great.", "first,", "next,", "then", "just", "also,", "btw,",
)  # fmt: skip
_AFTER = (
    "please", ", please", "thanks", ", thanks", "thank you", "then", "now", "exactly", "again", "tiny", ", tiny", "by the way",
    "for me", "today", "again please", "really", "btw", "pls", "here", "right now", "actually", ", do you know", "at all", "in exo", "with exo",
)  # fmt: skip
_QUESTION_WORDS = frozenset(
    "what what's which how where why when who is are can could does do did may will would should was on if any must whose".split()
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def add_noise(prompt: str, rng: Random) -> str:
    """The prompt as a person might type it; numbers are never touched."""
    if rng.random() < 0.10:
        prompt = f"{rng.choice(_BEFORE)} {prompt}"
    if rng.random() < 0.10:
        prompt = f"{prompt} {rng.choice(_AFTER)}".replace(" ,", ",")
    if rng.random() < 0.13:
        prompt = slip(prompt, rng)
    return change_case(punctuate(prompt, rng), rng)


def slip(prompt: str, rng: Random) -> str:
    """One letter missing, doubled, replaced, or swapped with the next; only inside words."""
    places = [i for i in range(len(prompt) - 1) if prompt[i].isalpha() and prompt[i + 1].isalpha()]
    if len(places) < 5:
        return prompt
    at = rng.choice(places)
    here, after = prompt[at], prompt[at + 1]
    replacement = rng.choice(("", here * 2 + after, rng.choice(_LETTERS) + after, after + here)) or after
    return prompt[:at] + replacement + prompt[at + 2 :]


def punctuate(prompt: str, rng: Random) -> str:
    """The prompt with an end such as a person gives it."""
    if prompt and not prompt[-1].isalnum():
        return prompt
    is_question = prompt.split(" ", 1)[0].casefold() in _QUESTION_WORDS
    ends = ("?", "?", "?", "?", "?", "", "", "??", " ?", ".") if is_question else ("", "", "", ".", ".", "?", "!", "!", "...")
    return prompt + rng.choice(ends)


def change_case(prompt: str, rng: Random) -> str:
    """The prompt as it is, with a capital first letter, or in one case throughout."""
    fate = rng.random()
    if fate < 0.62:
        return prompt[:1].upper() + prompt[1:]
    if fate < 0.84:
        return prompt.lower()
    return prompt.upper() if fate < 0.86 else prompt
