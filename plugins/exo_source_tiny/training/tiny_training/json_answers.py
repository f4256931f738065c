"""How is an answer as JSON asked for, and what is it?

Either the facts are in the prompt and the keys are named (by the prompt, by the system message, or by a schema that the
chat template shows in its short form), or it is a question the model can answer, and the one key is named or `answer`.
"""

from __future__ import annotations

from random import Random

from tiny_training.conversation import Conversation, Mixture, Turn, draw_system, draw_turn
from tiny_training.fields import Field, Json, signatures
from tiny_training.invented_tools import draw_fields
from tiny_training.mentions import join, mention
from tiny_training.noise import add_noise_around
from tiny_training.phrasing import draw
from tiny_training.tools import dump
from tiny_training.topics import read_requests
from tiny_training.values import draw_object
from tiny_training.words import Words, invent_word, read_words

AS_JSON = "Answer as JSON."
_QUESTIONS = Mixture(arithmetic=0.45, exo=0.3, small_talk=0.2)


def hint(fields: tuple[Field, ...]) -> str:
    """What the chat template puts into the system part for a JSON schema."""
    return f"Answer as JSON: {dump(signatures(fields))}"


def draw_json_talk(rng: Random, *, turns: int) -> Conversation:
    """A chat of so many turns in which answers are JSON."""
    words = read_words("training")
    fate = rng.random()
    if fate < 0.4:
        return Conversation(draw_system(rng), tuple(draw_facts(words, rng) for _ in range(turns)))
    if fate < 0.65:
        fields = draw_fields_given(words, rng)
        system = "\n".join(part for part in (draw_system(rng), _ask_in_system(fields, rng)) if part)
        return Conversation(system, tuple(state(fields, words, rng) for _ in range(turns)))
    if fate < 0.8:
        system = "\n".join(part for part in (draw_system(rng), AS_JSON) if part)
        return Conversation(system, tuple(_question("answer", rng, ask=False) for _ in range(turns)))
    keys = [rng.choice(("answer", "result", "reply", "text", "sum", invent_word(rng))) for _ in range(turns)]
    return Conversation(draw_system(rng), tuple(_question(key, rng, ask=True) for key in keys))


def draw_facts(words: Words, rng: Random) -> Turn:
    """Facts, the keys wanted, and the JSON."""
    fields = draw_fields_given(words, rng)
    facts = state(fields, words, rng)
    ask = draw(read_requests("json")["keys"], rng).replace(
        "KEYS", join([_quoted(field.key, rng) for field in fields], rng)
    )
    prompt = f"{ask}{rng.choice(('. ', ': ', '. '))}{facts.prompt}" if rng.random() < 0.5 else f"{facts.prompt}. {ask}"
    return Turn(add_noise_around(prompt, rng), facts.answer)


def state(fields: tuple[Field, ...], words: Words, rng: Random) -> Turn:
    """Facts alone, and the JSON for those fields."""
    values = draw_object(fields, words, rng)
    said = [field for field in fields if field.key in values]
    rng.shuffle(said)
    text = join([mention(field, values[field.key], rng) for field in said], rng)
    thing = invent_word(rng) if rng.random() < 0.3 else rng.choice(words.nouns)
    return Turn(draw(read_requests("json")["facts"], rng).replace("THING", thing).replace("FACTS", text), dump(values))


def _ask_in_system(fields: tuple[Field, ...], rng: Random) -> str:
    if rng.random() < 0.7:
        return hint(fields)
    return (
        draw(read_requests("json")["keys"], rng).replace(
            "KEYS", join([_quoted(field.key, rng) for field in fields], rng)
        )
        + "."
    )


def _question(key: str, rng: Random, *, ask: bool) -> Turn:
    turn = draw_turn(rng, _QUESTIONS)
    answer: Json = int(turn.answer) if turn.answer.lstrip("-").isdigit() else turn.answer
    if not ask:
        return Turn(turn.prompt, dump({key: answer}))
    patterns = read_requests("json")
    if key == "answer" and rng.random() < 0.5:
        words = draw(patterns["no_key"], rng)
    else:
        words = draw(patterns["one_key"], rng).replace("KEYS", _quoted(key, rng))
    prompt = f"{turn.prompt} {words}" if rng.random() < 0.7 else f"{words}: {turn.prompt}"
    return Turn(add_noise_around(prompt, rng), dump({key: answer}))


def draw_fields_given(words: Words, rng: Random) -> tuple[Field, ...]:
    """Fields that are all given, so that the keys are the whole answer."""
    while True:
        fields = [field for field in draw_fields(words, rng) if field.kind != "object" or rng.random() < 0.3]
        if fields:
            return tuple(Field(f.key, f.kind, True, f.values, f.choices, f.item, f.fields) for f in fields)


def _quoted(key: str, rng: Random) -> str:
    return f'"{key}"' if rng.random() < 0.25 else key
