"""A model that computes only a range of its layers: mlx-lm's own forward pass with its ends replaced.

The layers of other stages stay in the list as stand-ins, so that whatever the architecture derives from a layer's index
holds: those before the range give the hidden states that were received, those after it give their input. On a later
stage the embedding gives the received states too (whatever the architecture does to its result, scaling for instance,
is discarded by the stand-in before the range); on an earlier one the final norm is the identity and the head is not
called. On the last stage the final norm, and with it the head, sees only the tokens whose logits are
wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast, final

import mlx.core as mx
from mlx import nn

from exo_backend_mlx.architectures import Layout, RowKind, proven
from exo_backend_mlx.layer_caches.kinds import layer_cache
from exo_backend_mlx.mlx_lm_facade.attention import attend_rows
from exo_backend_mlx.mlx_lm_facade.models import (
    Cache,
    architecture_of_model,
    layers_of,
    make_caches,
    parameter_names,
)
from exo_backend_mlx.row_caches import caches_of_rows
from exo_backend_mlx.sequence_caches import SequenceCaches

Forward = Callable[..., mx.array]
_Wanted = mx.array | tuple[mx.array | slice, slice] | None


@dataclass(frozen=True)
class LayerRange:
    """Layers start … end - 1 of `layers`."""

    start: int
    end: int
    layers: int

    @property
    def is_first(self) -> bool:
        """Whether the embedding belongs to it."""
        return self.start == 0

    @property
    def is_last(self) -> bool:
        """Whether norm and head belong to it."""
        return self.end == self.layers


def layer_prefixes(model: nn.Module) -> list[str]:
    """Where each layer stands in the model: `model.layers.0` and so on."""
    names = {id(module): name for name, module in cast("list[tuple[str, nn.Module]]", model.named_modules())}
    return [names[id(layer)] for layer in layers_of(model)]


def is_tied(model: nn.Module, layout: Layout) -> bool:
    """Whether the embedding serves as the head too. To be asked after `sanitize`, which decides it in some models."""
    return not hasattr(model, layout.head)


def end_names(model: nn.Module, layout: Layout) -> tuple[frozenset[str], frozenset[str]]:
    """The names of the weights outside the layers that the first and that the last stage hold."""
    prefixes = layer_prefixes(model)
    outside = {name for name in parameter_names(model) if not name.startswith(tuple(p + "." for p in prefixes))}
    embedding = f"{_trunk_path(prefixes)}{layout.embedding}."
    first = frozenset(name for name in outside if name.startswith(embedding))
    return first, frozenset(outside if is_tied(model, layout) else outside - first)


@final
class PartialModel:
    """The stage of an mlx-lm model. Replaces parts of the model it is given, whose weights are loaded already."""

    def __init__(self, model: nn.Module, layout: Layout | None, layers: LayerRange) -> None:
        """`layout` None: the architecture is not known well enough to replace anything, and the range is the whole."""
        self._model = model
        self._range = layers
        self._exchange = _Exchange()
        self._cuttable = layout is not None
        self._row_kind = _row_kind(model)
        self._takes_chunks = self._row_kind == "attended" and _takes_chunks_together(model)
        attend_rows(model)
        self._trunk = model
        if layout is not None:
            prefixes = layer_prefixes(model)
            self._trunk = _module_at(model, _trunk_path(prefixes))
            _replace_ends(model, self._trunk, layout, layers, self._exchange, prefixes[0])

    def caches(self) -> list[Cache]:
        """New caches for one sequence, one per layer of the whole model.

        The stand-ins share a cache of this stage, of their own kind if there is one, because some architectures read
        the position or make their masks from the cache of a fixed layer, wherever that is.
        """
        caches = make_caches(self._model)
        start, end = self._range.start, self._range.end
        own = [layer_cache(cache) for cache in caches[start:end]]
        by_likeness = {cache.likeness: cache.own for cache in reversed(own)}
        of_position = next((cache.own for cache in own if cache.counts_positions), None)
        shared = [by_likeness.get(layer_cache(cache).likeness) or of_position or cache for cache in caches]
        return [*shared[:start], *caches[start:end], *shared[end:]]

    @property
    def computes_rows_together(self) -> bool:
        """Whether a pass may hold one token of each of several sequences."""
        return self._row_kind is not None

    @property
    def computes_chunks_together(self) -> bool:
        """Whether it may hold any number of tokens of each, (tokens, 1) to the model."""
        return self._takes_chunks

    @property
    def gives_states(self) -> bool:
        """Whether `hidden` on the last stage gives the states after the final norm."""
        return self._cuttable

    @property
    def lays_rows_in_slabs(self) -> bool:
        """Whether the keys of a pass's rows may lie in slabs."""
        return self._row_kind == "attended"

    def caches_of_rows(self, sequences: Sequence[SequenceCaches], counts: Sequence[int]) -> list[Cache]:
        """The caches of a pass over so many tokens of each sequence, (tokens of all, 1)."""
        return caches_of_rows(sequences, counts, padded=self._row_kind == "padded")

    def hidden(self, inputs: mx.array, caches: list[Cache]) -> mx.array:
        """What the next stage needs, (rows, tokens, hidden size), from ids (rows, tokens) or received states.

        On the last stage the states after the final norm, if it `gives_states`.
        """
        return self._run(cast("Forward", self._trunk), inputs, caches, wanted=None)

    def next_logits(self, inputs: mx.array, caches: list[Cache], which: list[int] | None = None) -> mx.array:
        """Logits (rows, vocabulary) of what follows each row's last token, or those rows' only; last stage only."""
        rows = None if which is None else mx.array(which)
        wanted = rows if inputs.shape[1] == 1 else (slice(None) if rows is None else rows, slice(-1, None))
        logits = self._run(cast("Forward", self._model), inputs, caches, wanted=wanted)[:, -1]
        return logits if self._cuttable or rows is None else logits[rows]

    def logits(self, inputs: mx.array, caches: list[Cache]) -> mx.array:
        """Logits (rows, tokens, vocabulary) of what follows each token; last stage only."""
        return self._run(cast("Forward", self._model), inputs, caches, wanted=None)

    def _run(self, forward: Forward, inputs: mx.array, caches: list[Cache], wanted: _Wanted) -> mx.array:
        exchange = self._exchange
        exchange.wanted = wanted
        exchange.received = None if self._range.is_first else inputs
        try:
            return forward(inputs, caches)
        finally:
            exchange.wanted = exchange.received = None


@final
class _Exchange:
    """What the replaced parts of a model need to know during one forward pass."""

    received: mx.array | None = None
    """(rows, tokens, hidden size), on a later stage."""
    wanted: _Wanted = None
    """Which of (rows, tokens) have logits that are wanted; None: all."""


class _Elsewhere(nn.Module):
    """Stands for a layer that another stage holds. Keeps its plain attributes, which models ask for."""

    def __init__(self, layer: nn.Module, exchange: _Exchange) -> None:
        super().__init__()
        for name, value in _plain_attributes(layer):
            object.__setattr__(self, name, value)
        self._exchange = exchange

    def __call__(self, hidden: mx.array, *_: object, **__: object) -> mx.array:
        raise NotImplementedError


class _Before(_Elsewhere):
    def __call__(self, hidden: mx.array, *_: object, **__: object) -> mx.array:
        del hidden
        return _received(self._exchange)


class _After(_Elsewhere):
    def __call__(self, hidden: mx.array, *_: object, **__: object) -> mx.array:
        return hidden


class _ReceivedEmbedding(nn.Module):
    """The embedding of a later stage; `table` is the real one where the head uses it."""

    def __init__(self, exchange: _Exchange, table: nn.Module) -> None:
        super().__init__()
        self._exchange = exchange
        self._table = table

    def __call__(self, inputs: mx.array) -> mx.array:
        del inputs
        return mx.array(_received(self._exchange))  # another object: some architectures scale theirs in place

    @property
    def weight(self) -> mx.array:
        """The real embedding's, for architectures whose head reads it themselves."""
        return cast("Any", self._table).weight

    def as_linear(self, hidden: mx.array) -> mx.array:
        """The head of a model whose head is its embedding."""
        return cast("Any", self._table).as_linear(hidden)


class _NormOfWanted(nn.Module):
    """The final norm, applied to the tokens whose logits are wanted."""

    def __init__(self, exchange: _Exchange, norm: nn.Module) -> None:
        super().__init__()
        self._exchange = exchange
        self._norm = cast("Forward", norm)

    def __call__(self, hidden: mx.array) -> mx.array:
        wanted = self._exchange.wanted
        return self._norm(hidden if wanted is None else hidden[wanted])


class _Identity(nn.Module):
    def __call__(self, hidden: mx.array) -> mx.array:
        return hidden


def _replace_ends(
    model: nn.Module, trunk: nn.Module, layout: Layout, layers: LayerRange, exchange: _Exchange, first_layer: str
) -> None:
    tied = is_tied(model, layout)
    if not layers.is_first:
        setattr(trunk, layout.embedding, _ReceivedEmbedding(exchange, getattr(trunk, layout.embedding)))
    if layers.is_last:
        setattr(trunk, layout.norm, _NormOfWanted(exchange, getattr(trunk, layout.norm)))
    else:
        setattr(trunk, layout.norm, _Identity())
        if not tied:
            setattr(model, layout.head, _Identity())
    stand_in = [
        _Before(layer, exchange) if index < layers.start else layer if index < layers.end else _After(layer, exchange)
        for index, layer in enumerate(layers_of(model))
    ]
    setattr(trunk, first_layer.split(".")[-2], stand_in)


def _plain_attributes(module: nn.Module) -> Iterator[tuple[str, object]]:
    """What a module holds besides weights, its parts reduced to the same."""
    for name, value in cast("dict[str, object]", vars(module)).items():
        if not name.startswith("_"):
            yield name, value
    for name, part in cast("dict[str, object]", module).items():
        if isinstance(part, nn.Module):
            yield name, SimpleNamespace(**dict(_plain_attributes(part)))


def _received(exchange: _Exchange) -> mx.array:
    if exchange.received is None:
        message = "a later stage was run without hidden states"
        raise ValueError(message)
    return exchange.received


def _trunk_path(prefixes: list[str]) -> str:
    """`model.layers.0` stands in `model.`; empty when the layers stand in the model itself."""
    head, _, _ = prefixes[0].rpartition(".")
    return head.rpartition(".")[0] + "." if "." in head else ""


def _module_at(model: nn.Module, path: str) -> nn.Module:
    module: Any = model
    for name in path.split(".")[:-1]:
        module = getattr(module, name)
    return cast("nn.Module", module)


def _row_kind(model: nn.Module) -> RowKind | None:
    """How rows of several sequences go together; None: one by one."""
    kind = proven(architecture_of_model(model)).rows
    return kind if all(layer_cache(cache).goes_with_others for cache in make_caches(model)) else None


def _takes_chunks_together(model: nn.Module) -> bool:
    return all(layer_cache(cache).takes_chunks_with_others for cache in make_caches(model))
