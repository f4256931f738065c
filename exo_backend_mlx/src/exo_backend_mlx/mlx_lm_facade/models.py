"""Models: how one is built, its caches made, its weights put in."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

import mlx.core as mx
from mlx import nn

from exo_backend_mlx.mlx_lm_facade.module_names import is_own_name
from exo_backend_mlx.model_config import Config
from exo_core.errors import ModelError


class Cache(Protocol):
    """What one layer remembers of a sequence. What else there is to know of one, `layer_caches` knows."""

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        ...


class Model(Protocol):
    """A language model of mlx-lm."""

    def __call__(self, inputs: mx.array, cache: Sequence[Cache]) -> mx.array:
        """Logits of token ids of shape (1, tokens)."""
        ...


def architecture_of(config: Config) -> str:
    """The name of mlx-lm's module for a config. Raises `ModelError` when mlx-lm has none."""
    return _classes(config)[0].__module__.rpartition(".")[2]


def architecture_of_model(model: nn.Module) -> str:
    """The name of mlx-lm's module for a model."""
    return type(model).__module__.rpartition(".")[2]


def build_model(config: Config) -> nn.Module:
    """The model of a config with all its layers. Its weights are lazy: none takes memory until it is computed."""
    model_class, arguments_class = _classes(config)
    try:
        model: nn.Module = model_class(arguments_class.from_dict(config))
    except Exception as error:  # whatever a wrong config makes the constructor raise
        message = f"config.json does not fit the architecture {config['model_type']}: {error}"
        raise ModelError(message) from error
    model.eval()
    return model


def sanitize(model: nn.Module, weights: dict[str, mx.array]) -> dict[str, mx.array]:
    """The checkpoint's tensors under the names and in the form the model has them."""
    method = getattr(model, "sanitize", None)
    if method is None:
        return weights
    try:
        return cast("dict[str, mx.array]", method(weights))
    except Exception as error:  # each architecture's own code, which expects weights that fit
        message = f"the weights do not fit their config.json: {error}"
        raise ModelError(message) from error


def make_caches(model: nn.Module) -> list[Cache]:
    """New, empty caches, one per layer, of the kinds the model asks for."""
    from mlx_lm.models.cache import make_prompt_cache

    return cast("list[Cache]", make_prompt_cache(model))


def layers_of(model: nn.Module) -> list[nn.Module]:
    """The model's layers in order."""
    return list(cast("Sequence[nn.Module]", cast("Any", model).layers))


def modules_of(model: nn.Module) -> dict[str, nn.Module]:
    """Every part of a model by its dotted path."""
    return dict(cast("list[tuple[str, nn.Module]]", model.named_modules()))


def replace_modules(model: nn.Module, modules: Mapping[str, nn.Module]) -> None:
    """Put other parts in the place of a model's, by dotted path."""
    from mlx import utils

    if modules:
        cast("Any", model).update_modules(cast("Any", utils).tree_unflatten(list(modules.items())))


def parameter_names(model: nn.Module) -> frozenset[str]:
    """Dotted names of all weights."""
    return frozenset(parameters(model))


def check_weights(model: nn.Module, weights: Mapping[str, mx.array]) -> None:
    """Raise `ModelError` unless `weights` are exactly the model's, in name and shape."""
    own = parameters(model)
    missing, surplus = sorted(own.keys() - weights.keys()), sorted(weights.keys() - own.keys())
    wrong = sorted(name for name in own.keys() & weights.keys() if own[name].shape != weights[name].shape)
    for names, problem in ((missing, "are missing"), (surplus, "are unknown"), (wrong, "have another shape")):
        if names:
            message = (
                f"the weights do not fit their config.json: {len(names)} tensors {problem}, {names[0]} for instance"
            )
            raise ModelError(message)


def put_weights(model: nn.Module, weights: Mapping[str, mx.array]) -> None:
    """Put some of a model's weights into it."""
    model.load_weights(list(weights.items()), strict=False)


def _classes(config: Config) -> tuple[type, Any]:
    try:
        return _lookup(config)
    except (ValueError, SystemExit) as error:  # a module that lacks a package of its own ends the process
        message = f"the installed mlx-lm cannot build the architecture '{config['model_type']}'. Update it: uv sync -U"
        raise ModelError(message) from error


def _lookup(config: Config) -> tuple[type, Any]:
    name = config["model_type"]
    if isinstance(name, str) and name.isidentifier() and is_own_name(name):
        with contextlib.suppress(ImportError):  # what is to be said of it, the other way knows
            module = cast("Any", import_module(f"mlx_lm.models.{name}"))
            return module.Model, module.ModelArgs
    utils = cast("Any", import_module("mlx_lm.utils"))
    return cast("tuple[type, Any]", utils._get_classes(config))


def parameters(model: nn.Module) -> dict[str, mx.array]:
    """All weights by their dotted names."""
    from mlx import utils

    return dict(cast("list[tuple[str, mx.array]]", cast("Any", utils).tree_flatten(model.parameters())))
