"""Which tokens are there, and how is text cut into them?

A byte-level BPE: any text round-trips, every digit is one token, and no token joins a digit with what stands beside it.
What has to be copied from a request into JSON must look the same in both, yet ` Paris` has a space before it and
`"Paris"` has none. So only whole words of the questions and answers in words have a token that begins with a space; of
any other word the space is a token of its own, and the word is cut the same wherever it stands.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from tiny_training.conversation import draw_conversation
from tiny_training.json_answers import draw_json_talk
from tiny_training.tokens import SPECIAL_TOKENS
from tiny_training.tool_talk import draw_tool_talk
from tiny_training.tools import TOOL_TOKENS

VOCABULARY_SIZE = 1152
_WHOLE_WORDS = 352
_PIECES = r"[0-9]| ?\p{L}+| ?[^\s\p{L}0-9]+|\s+(?!\S)|\s+"
_PIECES_WITHOUT_SPACE = r"[0-9]| (?=\p{L})|\p{L}+| ?[^\s\p{L}0-9]+|\s+(?!\S)|\s+"
_WORD = re.compile(r" ?[^\W\d_]+")
_SPACE = "Ġ"  # how the byte level writes a space


def train_tokenizer(seed: int, *, sample: int = 40_000) -> Tokenizer:
    """A tokenizer trained on so many generated conversations."""
    vocabulary, merges = _train_pairs(_texts(seed, sample))
    words = [word for word in _whole_words(seed, sample) if word not in vocabulary]
    for word in words[: VOCABULARY_SIZE - len(vocabulary)]:
        vocabulary[word] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True))
    tokenizer.pre_tokenizer = _cut(_PIECES)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in TOOL_TOKENS])
    return tokenizer


def _cut(pieces: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pieces), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _train_pairs(texts: Iterable[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of a BPE that never joins a space with a word."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _cut(_PIECES_WITHOUT_SPACE)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE - _WHOLE_WORDS,
        min_frequency=2,
        show_progress=False,
        special_tokens=[AddedToken(token, normalized=False) for token in (*SPECIAL_TOKENS, *TOOL_TOKENS)],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [(first, second) for first, second in model["merges"]]


def _texts(seed: int, sample: int) -> Iterator[str]:
    rng = Random(f"{seed}/tokenizer")  # noqa: S311 - repeatable text, no secret
    for draw in (draw_conversation, draw_conversation, draw_tool_talk, draw_json_talk):
        for _ in range(sample // 4):
            talk = draw(rng, turns=1)
            yield "\n".join((talk.system, *(f"{turn.prompt}\n{turn.answer}" for turn in talk.turns)))


def _whole_words(seed: int, sample: int) -> list[str]:
    """The words of questions and answers in words, each with the space before it, the most frequent first."""
    rng = Random(f"{seed}/words")  # noqa: S311 - repeatable text, no secret
    counts: Counter[str] = Counter()
    for _ in range(sample):
        turn = draw_conversation(rng, turns=1).turns[0]
        words = _WORD.findall(f"{turn.prompt}\n{turn.answer}\n{turn.answer}")
        counts.update(word.replace(" ", _SPACE) for word in words)
    return [word for word, _ in counts.most_common(4 * _WHOLE_WORDS) if word.lstrip(_SPACE).isascii()]
