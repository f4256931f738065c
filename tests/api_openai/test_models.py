"""The list of models, and one of them."""

from __future__ import annotations

import openai as openai_errors
import pytest
from openai import AsyncOpenAI


async def test_the_list_and_each_of_it(openai: AsyncOpenAI) -> None:
    listed = [model.id async for model in openai.models.list()]
    assert listed == ["endless", "org/name", "tiny"]
    for model_id in listed:
        model = await openai.models.retrieve(model_id)
        assert (model.id, model.object, model.owned_by) == (model_id, "model", "exo")


async def test_an_unknown_one(openai: AsyncOpenAI) -> None:
    with pytest.raises(openai_errors.NotFoundError) as caught:
        await openai.models.retrieve("nobody/knows")
    assert caught.value.code == "model_not_found"
