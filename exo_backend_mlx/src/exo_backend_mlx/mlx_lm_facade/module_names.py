"""Which module of mlx_lm has the classes of a kind of model?

`mlx_lm.utils` knows, but brings transformers and the hub's client; nearly every model has the name of its module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.abc import InspectLoader
from importlib.util import find_spec


def is_own_name(model_type: str) -> bool:
    """Whether `mlx_lm.utils` cannot mean a module of another name: none of its tables has that one as a key."""
    return model_type not in _renamed()


@cache
def _renamed() -> frozenset[str]:
    spec = find_spec("mlx_lm.utils")
    loader = None if spec is None else spec.loader
    source = loader.get_source("mlx_lm.utils") if isinstance(loader, InspectLoader) else None
    return frozenset(_texts_in_keys(ast.parse(source or "")))


def _texts_in_keys(tree: ast.AST) -> Iterator[str]:
    tables = (node for node in ast.walk(tree) if isinstance(node, ast.Dict))
    keys = (key for table in tables for key in table.keys if key is not None)
    parts = (part for key in keys for part in ast.walk(key))
    return (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))
