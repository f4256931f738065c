"""What an engine is asked, and what it answers.

A request is answered by `Accepted` or `Refused`; after `Accepted` come `Progress` and, for `generate`, one `Chunk`
per token until every choice has its `finish`; for the other kinds one `Result`. An error after `Accepted` is `Failed`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from exo_core.frozen import Count, Frozen, Int64, JsonValue
from exo_core.identifiers import RequestId

FinishReason = Literal["stop", "length", "tool_calls", "cancelled"]
Channel = Literal["content", "reasoning", "tool"]


class ChatPrompt(Frozen):
    """A conversation; the head applies the model's chat template.

    `messages` and `tools` are objects as OpenAI's API has them. A trailing assistant message is continued.
    """

    kind: Literal["chat"] = "chat"
    messages: tuple[dict[str, JsonValue], ...]
    tools: tuple[dict[str, JsonValue], ...] = ()
    template_arguments: dict[str, JsonValue] = {}


class TextPrompt(Frozen):
    """Plain text, tokenized as it stands."""

    kind: Literal["text"] = "text"
    text: str


class TokenPrompt(Frozen):
    """Token ids, used as they are."""

    kind: Literal["tokens"] = "tokens"
    token_ids: tuple[Count, ...]


Prompt = Annotated[ChatPrompt | TextPrompt | TokenPrompt, Field(discriminator="kind")]


class Sampling(Frozen):
    """How the next token is drawn. Temperature 0 is greedy.

    The draw is a function of (seed, choice, index) alone (`exo_engine.keyed_random`), so that an answer taken up
    again on another machine goes on as it would have.
    """

    temperature: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1.0
    top_k: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """0: no limit."""
    min_p: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    repetition_penalty: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 1.0
    presence_penalty: Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)] = 0.0
    frequency_penalty: Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)] = 0.0
    logit_bias: tuple[tuple[Count, float], ...] = ()
    seed: Int64 = 0
    ignore_eos: bool = False
    min_tokens: Count = 0
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    """How many alternatives to report per token; None: no logprobs at all."""

    @property
    def penalises(self) -> bool:
        """Whether the next token's draw depends on which tokens came before."""
        return (self.repetition_penalty, self.presence_penalty, self.frequency_penalty) != (1, 0, 0)


MOST_GRAMMAR_TEXT = 262_144
"""Characters of a grammar."""


class Grammar(Frozen):
    """What an answer must look like. An engine holds the answer to it token by token, or refuses the request.

    - json_schema: JSON that fits the JSON schema in `text`
    - json_object: any JSON object; `text` is empty
    - regex: all of the answer matches `text`, a regular expression without look-around and back-references
    - lark: `text` is a grammar in the notation of Lark with llguidance's additions. It may name special tokens, and may
      leave the answer free until a trigger comes (tool calls).
    """

    kind: Literal["json_schema", "json_object", "regex", "lark"]
    text: Annotated[str, Field(max_length=MOST_GRAMMAR_TEXT)] = ""


class ToolUse(Frozen):
    """How an answer may call the tools of its `ChatPrompt`.

    `required`: it is calls and nothing else. `names` are those that may be called; none named: all of them.
    """

    choice: Literal["auto", "required"] = "auto"
    names: tuple[str, ...] = ()
    parallel: bool = True
    """Whether an answer may hold several calls."""


class Generate(Frozen):
    """Continue a prompt. `delivered` holds, per choice, the token ids the client already has (a replay).

    A replay goes on with the next token; limits, stop strings and penalties count what was delivered. A choice that was
    delivered to its end is answered by its last chunk once more, so that every choice has its `finish`.
    """

    kind: Literal["generate"] = "generate"
    request_id: RequestId
    attempt: Count = 0
    prompt: Prompt
    sampling: Sampling = Sampling()
    max_tokens: Annotated[int, Field(gt=0, lt=2**31)] | None = None
    """None: until the model's context is full."""
    stop: tuple[str, ...] = ()
    choices: Annotated[int, Field(ge=1, le=128)] = 1
    delivered: tuple[tuple[Count, ...], ...] = ()
    grammar: Grammar | None = None
    """What every choice must look like, behind a thought and where it does not call tools. A choice that can only end
    ends; a replay goes on in the grammar's middle."""
    tool_use: ToolUse | None = None
    """None: nothing in the answer is read as a call."""
    exact: bool = False
    """Nothing of it is rounded between machines, however thin their links are: it is computed as on one machine."""


class Embed(Frozen):
    """Mean-pooled hidden states of each text."""

    kind: Literal["embed"] = "embed"
    request_id: RequestId
    attempt: Count = 0
    prompts: tuple[Prompt, ...]
    exact: bool = False
    """As for `Generate`."""


class Score(Frozen):
    """Log probabilities of a given text's tokens."""

    kind: Literal["score"] = "score"
    request_id: RequestId
    attempt: Count = 0
    prompt: Prompt
    top: Annotated[int, Field(ge=0, le=20)] = 0
    exact: bool = False
    """As for `Generate`."""


class Tokenize(Frozen):
    """Text or conversation to token ids, or token ids to text (`prompt` decides)."""

    kind: Literal["tokenize"] = "tokenize"
    request_id: RequestId
    attempt: Count = 0
    prompt: Prompt


EngineRequest = Annotated[Generate | Embed | Score | Tokenize, Field(discriminator="kind")]


def made_exact(request: EngineRequest) -> EngineRequest:
    """The request, nothing of which is rounded."""
    return request if isinstance(request, Tokenize) else request.model_copy(update={"exact": True})


class Accepted(Frozen):
    """The request is taken; an HTTP status may be sent now. `prompt_ids` are those of all its prompts."""

    kind: Literal["accepted"] = "accepted"
    prompt_ids: tuple[Count, ...]


class Refused(Frozen):
    """The request is not taken, and why: an HTTP status, a stable word, a sentence."""

    kind: Literal["refused"] = "refused"
    status: int
    code: str
    message: str


class Progress(Frozen):
    """Something moved though no token came out; sent at least every second or chunk.

    `done` of `total` are bytes while a model is placed (`placing`, `downloading`, `loading`, `warming_up`; these come
    before `Accepted`), requests ahead while `queued`, prompt tokens in `prefill`. `cached` of these were not computed
    again but found in the caches; that is known, and said once, when a prompt's turn comes.
    """

    kind: Literal["progress"] = "progress"
    phase: Literal["placing", "downloading", "loading", "warming_up", "queued", "prefill"]
    done: Count
    total: Count
    cached: Count = 0


class TokenLogprob(Frozen):
    """One token and its natural-log probability after all of `Sampling`'s changes to logits but temperature."""

    token_id: Count
    token: str
    logprob: float


class ChunkLogprobs(Frozen):
    """Of the token drawn, and of the most likely ones in falling order."""

    drawn: TokenLogprob
    top: tuple[TokenLogprob, ...] = ()


class Piece(Frozen):
    """Text of one channel. `text_from` counts the characters that came before it in this choice's channel.

    The text of channel `tool` is the arguments of call number `call`, JSON, and counted within that call; its first
    piece has the function's name.
    """

    text_from: Count
    text: str
    channel: Channel = "content"
    call: Count | None = None
    name: str | None = None


class Chunk(Piece):
    """One token of one choice and the text that became certain with it.

    `index` counts tokens of the choice from 0, replayed ones included. The text is a pure function of the token ids so
    far; it is empty while a character is incomplete, or might begin a stop string or a marker. `more` follows it, where
    one token gives text of several channels. A token without text names the channel in which it was drawn.
    """

    kind: Literal["chunk"] = "chunk"
    choice: Count = 0
    attempt: Count = 0
    index: Count
    token_id: Count
    more: tuple[Piece, ...] = ()
    logprobs: ChunkLogprobs | None = None
    finish: FinishReason | None = None

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """All of its text."""
        return (self, *self.more) if self.more else (self,)


class Result(Frozen):
    """The whole answer to `embed` (vectors), `score` (logprobs) or `tokenize` (token ids and text)."""

    kind: Literal["result"] = "result"
    token_ids: tuple[tuple[Count, ...], ...] = ()
    text: str = ""
    vectors: tuple[tuple[float, ...], ...] = ()
    logprobs: tuple[ChunkLogprobs, ...] = ()


class Failed(Frozen):
    """The request was accepted and cannot be completed here; with code `instance_lost` the gateway tries elsewhere."""

    kind: Literal["failed"] = "failed"
    code: str
    message: str


Answer = Annotated[Accepted | Refused | Progress | Chunk | Result | Failed, Field(discriminator="kind")]
