"""How does text become token ids, and a conversation the ids and places of its answers?"""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer

from tiny_training.conversation import Conversation

CHAT_TEMPLATE_FILE = Path(__file__).parent.parent / "chat_template.jinja"
CONTEXT_LENGTH = 1024
END, SYSTEM, USER, ASSISTANT = SPECIAL_TOKENS = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
END_ID, SYSTEM_ID, USER_ID, ASSISTANT_ID = range(4)


def write_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """`tokenizer.json` and `tokenizer_config.json` with the chat template."""
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": END,
        "clean_up_tokenization_spaces": False,
        "model_max_length": CONTEXT_LENGTH,
        "chat_template": CHAT_TEMPLATE_FILE.read_text(encoding="utf-8"),
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def encode_conversation(tokenizer: Tokenizer, conversation: Conversation) -> tuple[list[int], list[float]]:
    """Token ids as the chat template gives them, and the weight of each in the loss: 0 if the model need not say it."""
    ids: list[int] = []
    weights: list[float] = []

    def append(role_id: int, text: str) -> None:
        inner = tokenizer.encode(text, add_special_tokens=False).ids
        ids.extend((role_id, *inner, END_ID))
        weight = weight_of_answer(len(inner) + 1) if role_id == ASSISTANT_ID else 0.0
        weights.extend((0.0, *([weight] * (len(inner) + 1))))

    if conversation.system:
        append(SYSTEM_ID, conversation.system)
    for turn in conversation.turns:
        append(USER_ID, turn.prompt)
        append(ASSISTANT_ID, turn.answer)
    return ids, weights


def weight_of_answer(length: int) -> float:
    """The weight of each token of an answer: a sum of two digits is else nothing beside a call of forty tokens."""
    return (20 / length) ** 0.6
