"""How does text become token ids, and a conversation the ids and places of its answers?

A byte-level BPE: any text round-trips, every digit is one token, and no token joins a digit with what stands beside it.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from tiny_training.conversation import Conversation, draw_conversation

VOCABULARY_SIZE = 1024
CONTEXT_LENGTH = 1024
END, SYSTEM, USER, ASSISTANT = SPECIAL_TOKENS = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
END_ID, SYSTEM_ID, USER_ID, ASSISTANT_ID = range(4)
_PIECES = r"[0-9]| ?\p{L}+| ?[^\s\p{L}0-9]+|\s+(?!\S)|\s+"
_SAMPLE_CONVERSATIONS = 60_000

# Unknown roles are refused: a message that silently vanished would be worse.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] in ['system', 'developer'] -%}{{- '<|system|>' -}}"
    "{%- elif message['role'] == 'user' -%}{{- '<|user|>' -}}"
    "{%- elif message['role'] == 'assistant' -%}{{- '<|assistant|>' -}}"
    "{%- else -%}{{- raise_exception('tiny knows the roles system, user and assistant only') -}}"
    "{%- endif -%}"
    "{%- if message['content'] is string -%}{{- message['content'] -}}"
    "{%- elif message['content'] -%}"
    "{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'text' -%}{{- part['text'] -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- endif -%}"
    "{{- '<|end|>' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)


def train_tokenizer(seed: int) -> Tokenizer:
    """A tokenizer trained on generated conversations."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        min_frequency=2,
        show_progress=False,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    rng = Random(f"{seed}/tokenizer")  # noqa: S311 - repeatable text, no secret
    conversations = (draw_conversation(rng, turns=1) for _ in range(_SAMPLE_CONVERSATIONS))
    tokenizer.train_from_iterator(
        (f"{c.system}\n{t.prompt}\n{t.answer}" for c in conversations for t in c.turns), trainer
    )
    return tokenizer


def write_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """`tokenizer.json` and `tokenizer_config.json` with the chat template."""
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": END,
        "clean_up_tokenization_spaces": False,
        "model_max_length": CONTEXT_LENGTH,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def encode_conversation(tokenizer: Tokenizer, conversation: Conversation) -> tuple[list[int], list[bool]]:
    """Token ids as the chat template gives them, and which of them the model has to say (answers and their ends)."""
    ids: list[int] = []
    said: list[bool] = []

    def append(role_id: int, text: str) -> None:
        inner = tokenizer.encode(text, add_special_tokens=False).ids
        ids.extend((role_id, *inner, END_ID))
        said.extend((False, *([role_id == ASSISTANT_ID] * (len(inner) + 1))))

    if conversation.system:
        append(SYSTEM_ID, conversation.system)
    for turn in conversation.turns:
        append(USER_ID, turn.prompt)
        append(ASSISTANT_ID, turn.answer)
    return ids, said
