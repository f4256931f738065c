"""A byte-level BPE tokenizer of any size whose tokens are made-up words, for models that are measured.

A trained one needs text by the megabyte to fill a vocabulary. Here it is written down: bytes, syllables (`ba`), words
of two syllables (`baki`), the same behind a space, and longer ones until it is full. So random token ids decode to text
that can be read, and a prompt of n words of two syllables has n tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from pathlib import Path
from typing import Any, cast

CONSONANTS = "bcdfghjklmnpqrstvwxyz"
VOWELS = "aeiou"
_SPACE = "\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}"
"""How byte-level BPE writes a space."""


def write_syllable_tokenizer(
    folder: Path, vocabulary: int, special: Sequence[str], settings: Mapping[str, object]
) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json` (which is `settings`). `special` have the first ids.

    Raises `ValueError` when the vocabulary is too small for the words of two syllables (22,413 tokens and `special`).
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    fixed = [*special, *letters]
    merges = list(islice(_merges(), vocabulary - len(fixed)))
    if len(fixed) + len(merges) < vocabulary or vocabulary < len(fixed) + sum(1 for _ in _words()):
        message = f"a vocabulary of {vocabulary} tokens cannot be made of syllables"
        raise ValueError(message)
    tokens = {token: number for number, token in enumerate([*fixed, *map("".join, merges)])}
    tokenizer = cast("Any", Tokenizer)(cast("Any", models.BPE)(vocab=tokens, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(special))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(dict(settings)))


def _merges() -> Iterator[tuple[str, str]]:
    """In the order in which they are applied; each makes another token."""
    yield from _words()
    syllables = [consonant + vowel for consonant, vowel in product(CONSONANTS, VOWELS)]
    yield from ((first + second, third) for first, second, third in product(syllables, repeat=3))


def _words() -> Iterator[tuple[str, str]]:
    """Syllables, words of two, and these behind a space."""
    syllables = [consonant + vowel for consonant, vowel in product(CONSONANTS, VOWELS)]
    yield from ((consonant, vowel) for consonant, vowel in product(CONSONANTS, VOWELS))
    yield from ((first, second) for first, second in product(syllables, repeat=2))
    yield from ((_SPACE, first + second) for first, second in product(syllables, repeat=2))
