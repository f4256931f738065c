"""The environment a runner gets: its node's, without what is secret, and with the number of threads it may use."""

from __future__ import annotations

from collections.abc import Mapping

from exo_core.plugins.settings import settings_prefix

KEPT = frozenset({"EXO_TESTS", "EXO_TRACE_PLUGINS", "EXO_MICRO_BATCHES", "EXO_ACTIVATION_CODEC"})
"""Variables of ours that a runner may see besides its backend's own, EXO_<BACKEND>_<KEY>; the others are the node's
options, and some of them are secret."""

SECRET = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN"})
"""Read by sources, which work in the node."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def runner_environment(own: Mapping[str, str], *, backend: str, threads: int | None) -> dict[str, str]:
    """What to start a runner with. A number of threads that the person has set stands."""
    prefix = settings_prefix(backend)
    kept = {
        name: value for name, value in own.items() if name in KEPT or name.startswith(prefix) or not _is_hidden(name)
    }
    if threads is not None:
        for name in THREAD_VARIABLES:
            kept.setdefault(name, str(threads))
    return kept


def _is_hidden(name: str) -> bool:
    return name.startswith("EXO_") or name in SECRET
