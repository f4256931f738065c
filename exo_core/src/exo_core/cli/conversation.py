"""A conversation in the terminal: prompts in, streamed answers out, on a running node or a private one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from exo_core.cli.commands import accepted, new_id
from exo_core.cli.documents import as_object
from exo_core.cli.loading import LoadingBar, working_on
from exo_core.cli.node_access import running_node
from exo_core.cli.prompts import prompts
from exo_core.cli.spoken import Spoken
from exo_core.control_socket.operations import LocalOperations, Operations
from exo_core.errors import UserError
from exo_core.frozen import JsonValue
from exo_core.identifiers import ModelId, RequestId
from exo_core.requests import Answer, ChatPrompt, Chunk, Failed, Generate, Progress, Refused, Sampling

Message = dict[str, JsonValue]


@dataclass(kw_only=True)
class Conversation:
    """What was said so far, and how the model is asked."""

    model_id: ModelId
    system: str | None
    max_tokens: int | None
    sampling: Sampling
    messages: list[Message] = field(default_factory=list[Message])

    def request(self, prompt: str) -> Generate:
        """The next turn."""
        self.messages.append({"role": "user", "content": prompt})
        head: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        return Generate(
            request_id=RequestId(new_id("chat")),
            prompt=ChatPrompt(messages=(*head, *self.messages)),
            sampling=self.sampling,
            max_tokens=self.max_tokens,
        )


async def converse(home: Path, conversation: Conversation, prompt: str | None) -> None:
    """One answer on stdout if there is a prompt, else turn by turn until end of input."""
    async with _operations(home) as operations:
        await _have_at_hand(operations, conversation.model_id)
        if prompt is not None:
            await _turn(operations, conversation, prompt)
            return
        click.echo(f"Talking to {conversation.model_id}. End with Ctrl-D.", err=True)
        async with aclosing(prompts()) as lines:
            async for line in lines:
                if line.strip():
                    await _turn(operations, conversation, line)


async def _have_at_hand(operations: Operations, model_id: ModelId) -> None:
    """A model that a person names is looked up where it has to be, and fetched once it is placed."""
    known = [as_object(item).get("id") for item in await operations.catalogue()]
    if "/" in model_id and model_id not in known:
        with working_on(f"reading {model_id}"):
            accepted(await operations.add_model(model_id))


@asynccontextmanager
async def _operations(home: Path) -> AsyncGenerator[Operations]:
    """The running node's, or those of a private node that lives as long as the conversation."""
    found = await running_node(home)
    if found is not None:
        yield found
        return
    from exo_core.node.private_node import private_node

    async with private_node(home) as node:
        yield LocalOperations(node)


async def _turn(operations: Operations, conversation: Conversation, prompt: str) -> None:
    """Ask, print the answer as it comes, and remember it. Raises `UserError` when it fails."""
    spoken = Spoken()
    request = conversation.request(prompt)
    async with aclosing(operations.generate(request, conversation.model_id)) as answers:
        async for chunk in _after_loading(answers):
            spoken.show(chunk)
    click.echo()
    conversation.messages.append({"role": "assistant", "content": spoken.text})


async def _after_loading(answers: AsyncGenerator[Answer]) -> AsyncGenerator[Chunk]:
    """Chunks; what comes before the first is shown as a progress bar. Raises `UserError` on a refusal or failure."""
    with LoadingBar() as bar:
        async for answer in answers:
            if isinstance(answer, Progress):
                bar.show(answer)
            elif isinstance(answer, Refused | Failed):
                raise UserError(answer.message)
            elif isinstance(answer, Chunk):
                bar.hide()
                yield answer
