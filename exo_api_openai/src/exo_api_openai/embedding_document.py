"""Vectors as JSON: of length one, as OpenAI's are."""

from __future__ import annotations

import base64
import json
import math
import sys
from array import array
from collections.abc import Sequence
from typing import Literal

Encoding = Literal["float", "base64"]


def embedding_document(
    vectors: Sequence[Sequence[float]], *, model: str, prompt_tokens: int, encoding: Encoding
) -> bytes:
    """The whole answer. Encoded vector by vector, so that in a thread of its own it lets others run."""
    items = ",".join(_item(index, vector, encoding) for index, vector in enumerate(vectors))
    usage = {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens}
    return f'{{"object":"list","data":[{items}],"model":{json.dumps(model)},"usage":{json.dumps(usage)}}}'.encode()


def of_length_one(vector: Sequence[float]) -> array[float]:
    """In 32-bit floats; a vector of zeros stays one."""
    length = math.hypot(*vector) or 1.0
    return array("f", [value / length for value in vector])


def _item(index: int, vector: Sequence[float], encoding: Encoding) -> str:
    values = of_length_one(vector)
    shown = _base64(values) if encoding == "base64" else values.tolist()
    return json.dumps({"object": "embedding", "index": index, "embedding": shown})


def _base64(values: array[float]) -> str:
    if sys.byteorder == "big":
        values.byteswap()
    return base64.b64encode(values.tobytes()).decode()
