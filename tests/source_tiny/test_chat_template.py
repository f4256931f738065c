"""Does the chat template show tools, calls and results as the model learned them, and find mlx_lm's parser?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pytest
from tiny_training.fields import Field, object_schema
from tiny_training.invented_tools import draw_invented_tool
from tiny_training.json_answers import hint
from tiny_training.known_tools import draw_known_tool
from tiny_training.tokens import CHAT_TEMPLATE_FILE
from tiny_training.tools import Call, calls_text, declare, result_text, tools_text
from tiny_training.words import read_words

from exo_source_tiny.embedded_model import EMBEDDED_FOLDER

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    utilities = pytest.importorskip("mlx_lm.tokenizer_utils", reason="needs MLX", exc_type=ImportError)
    return utilities.load(EMBEDDED_FOLDER)


def rendered(tokenizer: Any, messages: Sequence[Mapping[str, object]], **given: object) -> str:
    text: str = tokenizer.apply_chat_template(list(messages), tokenize=False, **given)
    return text


def declared(parameters: object, **further: object) -> list[object]:
    return [{"type": "function", "function": {"name": "f", "description": "Do.", "parameters": parameters, **further}}]


def shown(tokenizer: Any, tools: list[object]) -> list[dict[str, Any]]:
    """The tools as the system part tells them."""
    text = rendered(tokenizer, HELLO, tools=tools)
    lines = text.removeprefix("<|system|><tools>\n").split("\n</tools><|end|>")[0].split("\n")
    return [json.loads(line) for line in lines]


def test_the_shipped_template_is_the_source_file() -> None:
    config = json.loads((EMBEDDED_FOLDER / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert config["chat_template"] == CHAT_TEMPLATE_FILE.read_text(encoding="utf-8")


def test_mlx_lm_finds_its_parser(tokenizer: Any) -> None:
    assert tokenizer.has_tool_calling
    call = Call("get_weather", {"city": "Paris"})
    body = calls_text([call]).removeprefix(tokenizer.tool_call_start).removesuffix(tokenizer.tool_call_end)
    assert tokenizer.tool_parser(body) == {"name": call.name, "arguments": call.arguments}


def test_declared_tools_are_shown_as_they_were_learned(tokenizer: Any) -> None:
    rng = Random("tools")
    for _ in range(100):
        tools = [draw_known_tool(rng).tool, draw_invented_tool(read_words("training"), rng).tool]
        text = rendered(tokenizer, HELLO, tools=[declare(tool) for tool in tools], add_generation_prompt=True)
        assert text == f"<|system|>{tools_text(tools)}<|end|><|user|>Hello<|end|><|assistant|>"


def test_a_schema_as_pydantic_writes_it_is_shown_in_short(tokenizer: Any) -> None:
    parameters = {
        "$defs": {
            "Color": {"enum": ["red", "blue"], "title": "Color", "type": "string"},
            "Place": {
                "properties": {
                    "city": {"title": "City", "type": "string"},
                    "floor": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
                },
                "required": ["city"],
                "type": "object",
            },
        },
        "additionalProperties": False,
        "properties": {
            "place": {"$ref": "#/$defs/Place"},
            "color": {"anyOf": [{"$ref": "#/$defs/Color"}, {"type": "null"}]},
            "sizes": {"items": {"type": "integer"}, "type": "array"},
            "weight": {"type": ["number", "null"]},
            "kind": {"const": "box"},
            "anything": {},
        },
        "required": ["place", "color", "sizes", "weight", "kind", "anything"],
        "type": "object",
    }
    assert shown(tokenizer, declared(parameters))[0]["arguments"] == {
        "place": {"city": "string", "floor": "integer or null"},
        "color": ["red", "blue", None],
        "sizes": "array of integer",
        "weight": "number or null",
        "kind": ["box"],
        "anything": "string",
    }


@pytest.mark.parametrize("parameters", [None, {}, {"type": "object"}, {"type": "object", "properties": {}}])
def test_a_tool_without_parameters_is_shown(tokenizer: Any, parameters: object) -> None:
    assert shown(tokenizer, declared(parameters)) == [{"description": "Do.", "name": "f", "arguments": {}}]


def test_a_schema_that_contains_itself_ends(tokenizer: Any) -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}, "required": ["next"]}
    told = json.dumps(shown(tokenizer, declared({**node, "$defs": {"Node": node}}))[0]["arguments"])
    assert told.count("next") == 5
    assert '"object"' in told


def test_only_the_first_line_of_a_description_is_shown(tokenizer: Any) -> None:
    assert shown(tokenizer, declared({}, description=" Adds.\n\nArgs:\n  a: x"))[0]["description"] == "Adds."
    assert shown(tokenizer, declared({}, description=None, name="add_two"))[0]["description"] == "add two"


def test_calls_and_results_are_shown_as_they_were_learned(tokenizer: Any) -> None:
    calls = [Call("first", {"a": 1}), Call("second", {"b": "é"})]
    functions = [
        {"name": "first", "arguments": '{"a": 1}'},  # as OpenAI's clients send them
        {"name": "second", "arguments": {"b": "é"}},
    ]
    made = [{"id": str(i), "type": "function", "function": function} for i, function in enumerate(functions)]
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": made},
        {"role": "tool", "tool_call_id": "0", "content": "one"},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "two"}]},
    ]
    results = f"{result_text('one')}\n{result_text('two')}"
    assert rendered(tokenizer, messages, add_generation_prompt=True) == (
        f"<|user|>Hello<|end|><|assistant|>{calls_text(calls)}<|end|><|user|>{results}<|end|><|assistant|>"
    )


def test_a_response_format_is_told_behind_the_system_message(tokenizer: Any) -> None:
    fields = (Field("name", "string"), Field("age", "integer", required=False))
    by_schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": object_schema(fields)}}
    messages = [{"role": "system", "content": "Be brief."}, *HELLO]
    user = "<|end|><|user|>Hello<|end|>"
    assert rendered(tokenizer, messages, response_format=by_schema) == f"<|system|>Be brief.\n{hint(fields)}{user}"
    assert rendered(tokenizer, HELLO, response_format={"type": "json_object"}) == f"<|system|>Answer as JSON.{user}"
    assert rendered(tokenizer, HELLO, response_format={"type": "text"}) == "<|user|>Hello<|end|>"
