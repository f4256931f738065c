"""What a short-lived runner does: one question to a backend, and its answer."""

from __future__ import annotations

from pathlib import Path

from exo_core.backends import Backend, ChoosesParts
from exo_core.errors import UserError
from exo_core.runner.components import make_backend
from exo_core.runner.messages import (
    CannotServe,
    ChooseParts,
    Describe,
    Described,
    FromRunner,
    PartsChosen,
    Probe,
    Probed,
)


def answer_one(question: Probe | Describe | ChooseParts) -> FromRunner:
    """Ask the backend. Whatever it raises becomes `CannotServe`."""
    try:
        backend = make_backend(question.components)
        match question:
            case Probe():
                return Probed(facts=backend.probe())
            case Describe():
                return Described(card=backend.describe(question.model_id, Path(question.folder)))
            case ChooseParts():
                return _chosen(backend, question)
    except Exception as problem:  # told to the node, which raises it there
        return cannot_serve(problem)


def _chosen(backend: Backend, question: ChooseParts) -> PartsChosen:
    if not isinstance(backend, ChoosesParts):
        return PartsChosen(parts=None)
    return PartsChosen(parts=tuple(backend.parts(question.assignment, Path(question.folder))))


def cannot_serve(problem: BaseException) -> CannotServe:
    """A failure in words; those that are meant for people come as they are."""
    is_user_error = isinstance(problem, UserError)
    return CannotServe(
        detail=str(problem) if is_user_error else f"{type(problem).__name__}: {problem}", user_error=is_user_error
    )
