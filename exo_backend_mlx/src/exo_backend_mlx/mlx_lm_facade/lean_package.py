"""How is one part of mlx_lm imported without all the others?

Whoever imports `mlx_lm.models.llama` runs the package's own `__init__` first, and with it conversion, generation, the
client of the hub and most of transformers: nearly two seconds of a processor, in each process that looks at a model.
Stages that have no tokenizer and whoever describes a model need none of it.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType


def make_lean() -> None:
    """Let modules of mlx_lm be imported by themselves; nothing happens where it is imported or not installed.

    The package runs as a whole as soon as somebody asks it for something of its own, such as `mlx_lm.generate`.
    """
    spec = None if "mlx_lm" in sys.modules else find_spec("mlx_lm")
    if spec is not None and spec.loader is not None:
        os.environ["TRANSFORMERS_NO_ADVISORY_WARNINGS"] = (
            "1"  # as the package does: there is no PyTorch, and need not be
        )
        sys.modules[spec.name] = _package(spec)


def _package(spec: ModuleSpec) -> ModuleType:
    package = module_from_spec(spec)

    def run_whole(name: str) -> object:
        if name.startswith("__") or spec.loader is None:
            raise AttributeError(name)
        vars(package).pop("__getattr__", None)
        spec.loader.exec_module(package)
        return getattr(package, name)

    vars(package)["__getattr__"] = run_whole
    return package
