"""How does a careless person change a prompt: case, punctuation, fillers, a slip of the finger?"""

from __future__ import annotations

import string
from random import Random

from tiny_training.topics import read_surroundings


def add_noise(prompt: str, rng: Random) -> str:
    """The prompt as a person might type it; numbers are never touched."""
    surroundings = read_surroundings()
    if rng.random() < 0.10:
        prompt = f"{rng.choice(surroundings.before)} {prompt}"
    if rng.random() < 0.10:
        prompt = f"{prompt} {rng.choice(surroundings.after)}".replace(" ,", ",")
    if rng.random() < 0.13:
        prompt = slip(prompt, rng)
    return change_case(punctuate(prompt, rng), rng)


def add_noise_around(prompt: str, rng: Random) -> str:
    """The prompt with fillers and an end; what stands in it, which an answer may have to repeat, is not touched."""
    surroundings = read_surroundings()
    if rng.random() < 0.06:
        prompt = f"{rng.choice(surroundings.before)} {prompt}"
    if rng.random() < 0.04:
        prompt = f"{prompt} please"
    if rng.random() < 0.5:
        prompt = prompt[:1].upper() + prompt[1:]
    return punctuate(prompt, rng) if rng.random() < 0.8 else prompt


def slip(prompt: str, rng: Random) -> str:
    """One letter missing, doubled, replaced, or swapped with the next; only inside words."""
    places = [i for i in range(len(prompt) - 1) if prompt[i].isalpha() and prompt[i + 1].isalpha()]
    if len(places) < 5:
        return prompt
    at = rng.choice(places)
    here, after = prompt[at], prompt[at + 1]
    replacement = rng.choice(("", here * 2 + after, rng.choice(string.ascii_lowercase) + after, after + here)) or after
    return prompt[:at] + replacement + prompt[at + 2 :]


def punctuate(prompt: str, rng: Random) -> str:
    """The prompt with an end such as a person gives it."""
    if prompt and not prompt[-1].isalnum():
        return prompt
    is_question = prompt.split(" ", 1)[0].casefold() in read_surroundings().question_words
    ends = (
        ("?", "?", "?", "?", "?", "", "", "??", " ?", ".")
        if is_question
        else ("", "", "", ".", ".", "?", "!", "!", "...")
    )
    return prompt + rng.choice(ends)


def change_case(prompt: str, rng: Random) -> str:
    """The prompt as it is, with a capital first letter, or in one case throughout."""
    fate = rng.random()
    if fate < 0.62:
        return prompt[:1].upper() + prompt[1:]
    if fate < 0.84:
        return prompt.lower()
    return prompt.upper() if fate < 0.86 else prompt
