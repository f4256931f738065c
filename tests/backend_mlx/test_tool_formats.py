"""How families of models call tools: what a grammar holds them to is what mlx-lm reads, and what templates write."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from exo_backend_mlx.model_config import read_config
from exo_backend_mlx.testing.chat_styles import CHAT_STYLES, ChatStyleName
from exo_backend_mlx.testing.engines_of_folder import mlx_engines
from exo_backend_mlx.tokenizer import MlxTokenizer
from exo_core.frozen import JsonValue
from exo_core.identifiers import RequestId
from exo_core.requests import ChatPrompt, Generate, Grammar, Refused, Sampling, ToolUse
from exo_core.testing.engine_threads import calls_of, chunks_of, text_of
from exo_engine.answers.reading import reading_of
from exo_engine.answers.thinking import thinking_after
from exo_engine.choice_text import ChoiceText
from exo_engine.grammars.contract import Matcher
from exo_engine.grammars.making import make_compiler
from exo_engine.steps import Drawn
from exo_engine.testing.marked_models import assert_callable, function
from exo_engine.text import Tokenizer

ModelFolder = Callable[..., Path]
STYLES: list[ChatStyleName] = ["hermes", "thinking", "mistral_list", "mistral", "llama", "coder"]
WEATHER = function("weather", city={"enum": ["Bern", 'say "so"', "Zürich\n"]}, days={"type": "integer", "maximum": 99})
CLOCK = function("clock")
TOOLS = (WEATHER, CLOCK)
CALLS: list[dict[str, JsonValue]] = [
    {"name": "weather", "arguments": {"city": 'say "so"', "days": 2}},
    {"name": "clock", "arguments": {}},
]
USER: dict[str, JsonValue] = {"role": "user", "content": "Hi"}
PROMPT = ChatPrompt(messages=(USER,), tools=TOOLS, template_arguments={"enable_thinking": True})


def tokenizer_of(folder: Path) -> MlxTokenizer:
    return MlxTokenizer(folder, read_config(folder))


def ask(name: str, use: ToolUse, **fields: object) -> Generate:
    prompt = ChatPrompt(messages=(USER,), tools=TOOLS, template_arguments={"enable_thinking": False})
    defaults = {"prompt": prompt, "max_tokens": 300, "tool_use": use}
    return Generate.model_validate({"request_id": RequestId(name), **defaults, **fields})


@pytest.mark.parametrize("style", STYLES)
def test_required_calls_of_every_family_fit_their_schemas(model_folder: ModelFolder, style: ChatStyleName) -> None:
    folder = model_folder(architecture="qwen3", layers=1, chat=style)
    use = ToolUse(choice="required", parallel=False)
    with mlx_engines(folder) as threads:
        asked = [threads.submit(ask(str(seed), use, sampling=Sampling(seed=seed))) for seed in range(12)]
        answers = [list(each) for each in asked]
    ended = [each for each in answers if chunks_of(each)[-1].finish == "tool_calls"]
    assert len(ended) > 8
    for each in ended:
        assert text_of(each) == ""
        assert_callable(calls_of(each), TOOLS)


def matcher_of(grammar: Grammar, tokenizer: Tokenizer) -> Matcher:
    with closing(make_compiler(tokenizer)) as compiler:
        return compiler.compile(grammar, lambda: True).matcher()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("is_held", [True, False])
def test_what_a_template_writes_of_calls_is_what_is_held_and_read(
    model_folder: ModelFolder, style: ChatStyleName, is_held: bool
) -> None:
    """The tokens of an earlier turn, given as if they were drawn: held and read on the way, or read by mlx-lm."""
    tokenizer = tokenizer_of(model_folder(architecture="qwen3", layers=1, chat=style))
    calls = CALLS[:1] if style == "llama" else CALLS
    prompt_ids, answer = turn(tokenizer, calls)
    request = ask("r", ToolUse(choice="required"), prompt=PROMPT)
    reading = reading_of(request, prompt_ids, tokenizer)
    assert reading.grammar is not None
    text = ChoiceText(
        request,
        choice=0,
        limit=len(answer) + 1,
        tokenizer=tokenizer,
        reader=reading.reader(is_held=is_held),
        shown=reading.shown(tokenizer.vocabulary_size),
        matcher=matcher_of(reading.grammar, tokenizer) if is_held else None,
    )
    chunks = [text.add(Drawn(sequence=0, token_id=token_id)) for token_id in answer]
    if chunks[-1].finish is None:
        chunks.append(text.add(Drawn(sequence=0, token_id=min(tokenizer.eos_token_ids))))
    said = [(name, json.loads(arguments)) for name, arguments in calls_of(chunks)]
    assert said == [(call["name"], call["arguments"]) for call in calls]
    assert text_of(chunks) == ""
    assert chunks[-1].finish == "tool_calls"


def turn(tokenizer: MlxTokenizer, calls: list[dict[str, JsonValue]]) -> tuple[list[int], list[int]]:
    """The ids of a prompt, and those of an answer that is these calls, without its end."""
    prompt_ids = tokenizer.encode_chat(PROMPT)
    made: JsonValue = [{"type": "function", "function": call} for call in calls]
    messages = (USER, {"role": "assistant", "content": "", "tool_calls": made}, USER)
    whole = tokenizer.encode_chat(PROMPT.model_copy(update={"messages": messages}))
    assert whole[: len(prompt_ids)] == prompt_ids
    rest = whole[len(prompt_ids) :]
    return prompt_ids, rest[: rest.index(min(tokenizer.eos_token_ids - {0}))]


@pytest.mark.parametrize(
    ("arguments", "said", "expected"),
    [
        ({}, (), "possible"),
        ({"enable_thinking": False}, (), "over"),
        ({"opens_thought": True}, (), "begun"),
        ({}, ({"role": "user", "content": "what is <think>"},), "possible"),
        ({}, ({"role": "assistant", "content": "<think>Hm"},), "begun"),
        ({}, ({"role": "assistant", "content": "<think>Hm</think>Yes"},), "over"),
        ({"opens_thought": True}, ({"role": "assistant", "content": "Yes"},), "over"),
    ],
)
def test_whether_a_prompt_has_begun_a_thought(
    model_folder: ModelFolder, arguments: dict[str, JsonValue], said: tuple[dict[str, JsonValue], ...], expected: str
) -> None:
    tokenizer = tokenizer_of(model_folder(architecture="qwen3", layers=1, chat="thinking"))
    prompt = ChatPrompt(messages=(USER, *said), template_arguments=arguments)
    assert thinking_after(prompt, tokenizer.encode_chat(prompt), tokenizer) == expected


def test_special_tokens_are_text_where_they_are_markers_and_nowhere_else(model_folder: ModelFolder) -> None:
    tokenizer = tokenizer_of(model_folder(architecture="qwen3", layers=1, chat="mistral"))
    ids = tokenizer.encode("a[TOOL_CALLS]b[ARGS]<|start|><|turn|>")
    marker = tokenizer.markup.tokens["[TOOL_CALLS]"]

    def shown(*tokens: int) -> str:
        detokenizer = tokenizer.detokenizer(tokens)
        return "".join(detokenizer.add(token_id) for token_id in ids) + detokenizer.finish()

    assert shown() == "ab"
    assert shown(marker) == "a[TOOL_CALLS]b"
    assert shown(*range(tokenizer.vocabulary_size)) == "a[TOOL_CALLS]b[ARGS]<|start|>"


def test_a_model_that_is_told_nothing_of_tools_refuses_them(model_folder: ModelFolder) -> None:
    with mlx_engines(model_folder(architecture="qwen3", layers=1)) as threads:
        (refused,) = threads.ask(ask("r", ToolUse()))
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code) == (400, "tools_not_supported")


def test_of_several_templates_the_one_for_tools_tells(model_folder: ModelFolder, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(model_folder(architecture="qwen3", layers=1, chat="hermes"), tmp_path / "model"))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    plain = CHAT_STYLES["plain"].template
    settings["chat_template"] = [
        {"name": "default", "template": plain},
        {"name": "tool_use", "template": settings["chat_template"]},
    ]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer = tokenizer_of(folder)
    assert tokenizer.markup.tool_format is not None
    assert "weather" in tokenizer.decode(tokenizer.encode_chat(PROMPT))
