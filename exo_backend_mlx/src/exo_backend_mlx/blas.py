"""Which matrix multiplication does mlx call on a Linux CPU, and how is it made a fast one?

mlx's Linux wheels link the reference BLAS, some hundred times slower than OpenBLAS. The wheel `scipy-openblas32` brings
OpenBLAS for x86-64 and aarch64 under prefixed names, so mlx's import table is pointed at it (see `import_table`). Only
float32, float64 and complex products gain; mlx multiplies other types by itself. Whatever looks unexpected leaves mlx
as it is and says why. Elsewhere than on Linux nothing is done: mlx uses Accelerate on macOS.

`EXO_MLX_BLAS=off` leaves mlx alone, `EXO_MLX_BLAS=/path/to/libopenblas.so` names another OpenBLAS (32-bit integers),
and `OPENBLAS_NUM_THREADS` sets its threads (see `blas_threads`).
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Literal

from exo_backend_mlx.blas_threads import default_blas_threads
from exo_backend_mlx.import_table import ImportTableError, loaded_libraries, replace_imports
from exo_core.errors import ExoError
from exo_core.frozen import Frozen

_FUNCTIONS = ("cblas_sgemm", "cblas_dgemm", "cblas_cgemm")
_FAST_NAMES = ("openblas", "mkl", "blis", "armpl", "accelerate")
_SYSTEM_NAMES = ("libopenblas.so.0", "libopenblas.so")


class BlasReport(Frozen):
    """What was done. `kept`: mlx uses the library it came with, for `reason`."""

    state: Literal["replaced", "kept", "not_needed"]
    name: str
    path: str | None = None
    threads: int | None = None
    reason: str = ""


class _Unsuitable(ExoError):
    """This library cannot take the place of mlx's."""


@dataclass(frozen=True)
class _OpenBlas:
    """An opened OpenBLAS. `prefix` stands before each of its names."""

    path: str
    prefix: str
    library: ctypes.CDLL

    @property
    def config(self) -> str:
        """For instance `OpenBLAS 0.3.30 DYNAMIC_ARCH NO_AFFINITY Haswell MAX_THREADS=64`."""
        function = self._function("openblas_get_config")
        function.restype = ctypes.c_char_p
        text = function()
        return text.decode("ascii", "replace") if isinstance(text, bytes) else ""

    @property
    def threads(self) -> int:
        return int(self._function("openblas_get_num_threads")())

    def set_threads(self, count: int) -> None:
        self._function("openblas_set_num_threads")(ctypes.c_int(count))

    def address(self, name: str) -> int:
        return _address(self._function(name))

    def multiply(self) -> list[float]:
        """A product of two small matrices whose result is known, to try the library before mlx depends on it."""
        a, b, c = (
            (ctypes.c_float * 6)(1, 2, 3, 4, 5, 6),
            (ctypes.c_float * 6)(7, 8, 9, 10, 11, 12),
            (ctypes.c_float * 4)(),
        )
        row_major, plain = ctypes.c_int(101), ctypes.c_int(111)
        one, zero, m, n, k = ctypes.c_float(1), ctypes.c_float(0), ctypes.c_int(2), ctypes.c_int(2), ctypes.c_int(3)
        function = self._function("cblas_sgemm")
        function.restype = None
        function(row_major, plain, plain, m, n, k, one, a, k, b, n, zero, c, n)
        return list(c)

    def _function(self, name: str) -> ctypes._NamedFuncPointer:  # pyright: ignore[reportPrivateUsage] — ctypes' only name for it
        try:
            return self.library[self.prefix + name]
        except AttributeError as error:
            message = f"{self.path} has no {self.prefix}{name}"
            raise _Unsuitable(message) from error


_active: list[_OpenBlas] = []


@cache
def use_fast_blas() -> BlasReport:
    """Let mlx multiply with OpenBLAS where that is possible; once per process, quick, never raises for what is missing.

    Imports mlx. Call it before anything is computed, so that all results come from one library.
    """
    if not sys.platform.startswith("linux"):
        return BlasReport(state="not_needed", name="Accelerate" if sys.platform == "darwin" else "mlx's own")
    choice = os.environ.get("EXO_MLX_BLAS", "")
    if choice == "off":
        return BlasReport(state="kept", name="mlx's own", reason="EXO_MLX_BLAS=off")
    try:
        return _replace(choice)
    except (_Unsuitable, ImportTableError, OSError) as error:
        return BlasReport(state="kept", name="mlx's own", reason=str(error))


def set_blas_threads(count: int) -> None:
    """Threads for matrix products from now on; no effect where mlx's BLAS was not replaced."""
    for blas in _active:
        blas.set_threads(count)


def measure_matmul(size: int = 1024, repeats: int = 3) -> float:
    """GFLOP/s of mlx's float32 product of two square matrices on its default device, the best of `repeats`."""
    import mlx.core as mx

    from exo_backend_mlx.evaluation import evaluate

    left, right = mx.random.normal((size, size)), mx.random.normal((size, size))
    evaluate(left, right)
    best = 0.0
    for _ in range(repeats):
        start = perf_counter()
        evaluate(left @ right)
        best = max(best, 2 * size**3 / (perf_counter() - start) / 1e9)
    return best


def _replace(choice: str) -> BlasReport:
    mlx = _mlx_library()
    handle = ctypes.CDLL(str(mlx))
    current = {name: _address(handle[name]) for name in _FUNCTIONS}
    provider = _file_at(current["cblas_sgemm"])
    if any(word in str(provider).lower() for word in _FAST_NAMES):
        return BlasReport(state="kept", name=provider.name, path=str(provider), reason="mlx came with a fast BLAS")
    blas = _open_first(choice)
    replace_imports(mlx, {name: blas.address(name) for name in _FUNCTIONS}, current=current)
    if not _mlx_multiplies():
        replace_imports(mlx, current, current={name: blas.address(name) for name in _FUNCTIONS})
        message = f"mlx gave wrong products with {blas.path}"
        raise _Unsuitable(message)
    _active.append(blas)
    threads = default_blas_threads(os.environ)
    if threads is not None:
        blas.set_threads(threads)
    return BlasReport(state="replaced", name=_short_name(blas.config), path=blas.path, threads=blas.threads)


def _mlx_library() -> Path:
    import_module("mlx.core")  # loads the library
    for path in loaded_libraries():
        if path.name == "libmlx.so":
            return path
    message = "mlx's library libmlx.so was not found in this process"
    raise _Unsuitable(message)


def _file_at(address: int) -> Path:
    for path, mappings in loaded_libraries().items():
        if any(mapping.start <= address < mapping.end for mapping in mappings):
            return path
    message = "the BLAS that mlx came with was not found in this process"
    raise _Unsuitable(message)


def _open_first(choice: str) -> _OpenBlas:
    refused: list[str] = []
    for path, prefix in [(choice, "")] if choice else _candidates():
        try:
            return _open(path, prefix)
        except (OSError, _Unsuitable) as error:
            refused.append(str(error))
    message = "no OpenBLAS was found; install the package scipy-openblas32" if not refused else "; ".join(refused)
    raise _Unsuitable(message)


def _candidates() -> Iterator[tuple[str, str]]:
    """Library and prefix. The wheel comes first, so that all machines of a cluster compute with the same library."""
    spec = find_spec("scipy_openblas32")
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        for path in sorted((Path(place) / "lib").glob("libscipy_openblas*.so")):
            yield str(path), "scipy_"
    for name in _SYSTEM_NAMES:
        yield name, ""


def _open(path: str, prefix: str) -> _OpenBlas:
    blas = _OpenBlas(path, prefix, ctypes.CDLL(path))
    if "USE64BITINT" in blas.config:
        message = f"{path} takes 64-bit integers, mlx passes 32-bit ones"
        raise _Unsuitable(message)
    if blas.multiply() != [58.0, 64.0, 139.0, 154.0]:
        message = f"{path} multiplies wrongly"
        raise _Unsuitable(message)
    return blas


def _mlx_multiplies() -> bool:
    import mlx.core as mx

    left = mx.reshape(mx.arange(48, dtype=mx.float32), (6, 8))
    right = mx.reshape(mx.arange(56, dtype=mx.float32), (8, 7))
    with mx.stream(mx.cpu):
        product = left @ right
        summed = (left[:, :, None] * right[None]).sum(axis=1)
        return bool(mx.array_equal(product, summed).item())


def _address(function: object) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0  # pyright: ignore[reportArgumentType] — a function pointer


def _short_name(config: str) -> str:
    words = config.split()
    kernels = [word for word in words[2:] if "=" not in word and not word.isupper()]
    return " ".join(words[:2]) + (f" ({kernels[-1]})" if kernels else "")
