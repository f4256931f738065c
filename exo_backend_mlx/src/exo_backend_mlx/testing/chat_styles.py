"""Chat templates of random models: as those of families of real ones, in few words, with the tokens they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ChatStyleName = Literal["plain", "hermes", "thinking", "reserved", "mistral_list", "mistral", "llama", "coder"]

_TURNS = "{% for message in messages %}<|start|>{{ message['role'] }}\n"
_END = "<|turn|>\n{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
_TOOLS = "{% if tools %}<|start|>tools\n{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}<|turn|>\n{% endif %}"


@dataclass(frozen=True)
class ChatStyle:
    """A template, and tokens that are added to the vocabulary, by whether they are special."""

    template: str
    added: Mapping[str, bool]


_HERMES_CALLS = (
    "{{ message['content'] }}{% for tool_call in message.tool_calls %}"
    "{% if tool_call.function %}{% set tool_call = tool_call.function %}{% endif %}{{ '\n' if not loop.first }}"
    '<tool_call>\n{"name": "{{ tool_call.name }}", "arguments": {{ tool_call.arguments | tojson }}}\n</tool_call>'
    "{% endfor %}"
)
_THOUGHT = (
    "{% if add_generation_prompt %}{% if opens_thought is defined %}<think>\n{% elif not enable_thinking %}"
    "<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
_THOUGHT_IF_ASKED = (
    "{% if add_generation_prompt %}<think>\n{{ '' if opens_thought is defined else '\n</think>\n\n' }}{% endif %}"
)
_MISTRAL_LIST_CALLS = (
    "{% if message.tool_calls %}[TOOL_CALLS] [{% for call in message.tool_calls %}{{ call.function | tojson }}"
    "{% if not loop.last %}, {% endif %}{% endfor %}]{% else %}{{ message['content'] }}{% endif %}"
)
_MISTRAL_CALLS = (
    "{{ message['content'] }}{% for call in message.tool_calls %}"
    "[TOOL_CALLS]{{ call.function.name }}[ARGS]{{ call.function.arguments | tojson }}{% endfor %}"
)
_LLAMA_CALLS = (
    "{% if message.tool_calls %}{% set call = message.tool_calls[0].function %}"
    '{"name": "{{ call.name }}", "parameters": {{ call.arguments | tojson }}}'
    "{% else %}{{ message['content'] }}{% endif %}{# what tools gave is ipython's #}"
)
_CODER_CALLS = (
    "{{ message['content'] }}{% for call in message.tool_calls %}{{ '\n' if not loop.first }}"
    "<tool_call>\n<function={{ call.function.name }}>\n"
    "{% for name, value in call.function.arguments | items %}<parameter={{ name }}>\n"
    "{{ value if value is string else value | tojson }}\n</parameter>\n{% endfor %}"
    "</function>\n</tool_call>{% endfor %}"
)
_HERMES_TOKENS = {"<tool_call>": False, "</tool_call>": False}

CHAT_STYLES: Mapping[ChatStyleName, ChatStyle] = {
    "plain": ChatStyle(f"{_TURNS}{{{{ message['content'] }}}}{_END}", {}),
    "hermes": ChatStyle(f"{_TOOLS}{_TURNS}{_HERMES_CALLS}{_END}", _HERMES_TOKENS),
    "thinking": ChatStyle(
        f"{_TOOLS}{_TURNS}{_HERMES_CALLS}{_END}{_THOUGHT}", {**_HERMES_TOKENS, "<think>": False, "</think>": False}
    ),
    "reserved": ChatStyle(
        f"{_TOOLS}{_TURNS}{_HERMES_CALLS}{_END}{_THOUGHT_IF_ASKED}",
        {**_HERMES_TOKENS, "<think>": False, "</think>": False},
    ),
    "mistral_list": ChatStyle(f"{_TOOLS}{_TURNS}{_MISTRAL_LIST_CALLS}{_END}", {"[TOOL_CALLS]": True}),
    "mistral": ChatStyle(f"{_TOOLS}{_TURNS}{_MISTRAL_CALLS}{_END}", {"[TOOL_CALLS]": True, "[ARGS]": True}),
    "llama": ChatStyle(f"{_TOOLS}{_TURNS}{_LLAMA_CALLS}{_END}", {"<|python_tag|>": True}),
    "coder": ChatStyle(f"{_TOOLS}{_TURNS}{_CODER_CALLS}{_END}", _HERMES_TOKENS),
}
