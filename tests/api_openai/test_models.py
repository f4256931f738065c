"""The list of models, and one of them."""

from __future__ import annotations

import httpx
import openai as openai_errors
import pytest
from openai import AsyncOpenAI

from exo_core.state.aliases import EXTENSION
from exo_core.state.events import ExtensionChanged
from exo_http.testing.scripted_node import ScriptedNode


async def test_the_list_and_each_of_it(openai: AsyncOpenAI) -> None:
    listed = [model.id async for model in openai.models.list()]
    assert listed == ["endless", "org/name", "tiny"]
    for model_id in listed:
        model = await openai.models.retrieve(model_id)
        assert (model.id, model.object, model.owned_by) == (model_id, "model", "exo")


async def test_another_name_of_a_model(openai: AsyncOpenAI, client: httpx.AsyncClient, node: ScriptedNode) -> None:
    node.record(ExtensionChanged(plugin=EXTENSION, key="gpt-4o", value="tiny"))
    node.record(ExtensionChanged(plugin=EXTENSION, key="gone", value="nobody/has-this"))
    assert [model.id async for model in openai.models.list()] == ["endless", "org/name", "tiny", "gpt-4o"]
    found = (await client.get("/v1/models/gpt-4o")).json()
    assert (found["id"], found["root"]) == ("gpt-4o", "tiny")
    answer = await openai.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])
    assert (answer.model, answer.choices[0].message.content) == ("gpt-4o", "The answer is 42")
    with pytest.raises(openai_errors.NotFoundError):
        await openai.models.retrieve("gone")


async def test_an_unknown_one(openai: AsyncOpenAI) -> None:
    with pytest.raises(openai_errors.NotFoundError) as caught:
        await openai.models.retrieve("nobody/knows")
    assert caught.value.code == "model_not_found"
