"""What can go wrong between this machine and the hub, in words that say what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from exo_core.errors import LastingModelError, ModelError
from exo_source_huggingface.repository import Repository

Kind = Literal["missing", "revision", "file", "gated", "token", "forbidden", "busy", "unreachable", "offline", "odd"]
PASSING: tuple[Kind, ...] = ("busy", "unreachable")
"""What may go well a moment later."""
LASTING: tuple[Kind, ...] = ("missing", "revision", "file", "gated", "token", "forbidden")
"""What only a person can change. (Offline, a member may bring the model a moment later.)"""


@dataclass(eq=False)
class HubProblem(Exception):
    """A request that failed. `detail` is for people; `wait_s`: the hub asks to be left alone for so many seconds."""

    kind: Kind
    detail: str
    wait_s: float | None = None

    def __str__(self) -> str:
        return self.detail


def in_words(problem: HubProblem, repository: Repository, endpoint: str) -> ModelError:
    """The error that a person reads."""
    kind = LastingModelError if problem.kind in LASTING else ModelError
    return kind(_sentence(problem, repository, endpoint))


def _sentence(problem: HubProblem, repository: Repository, endpoint: str) -> str:
    name, page = repository.name, f"{endpoint}/{repository.name}"
    match problem.kind:
        case "gated":
            return (
                f"{name} is gated: accept its licence at {page} and set HF_TOKEN to a token of that account before "
                "`exo run`, or log in once with: hf auth login"
            )
        case "missing":
            return (
                f"there is no {name} at {endpoint}, or it is private: check the spelling; for a private one, set "
                "HF_TOKEN before `exo run`"
            )
        case "revision":
            return f"{name} has no revision '{repository.wanted_revision}': see {page}/tree/main"
        case "file":
            return f"{name} has lost a file that it had at this revision ({problem.detail}): add the model again"
        case "token":
            return f"{endpoint} does not accept the token in HF_TOKEN: make a new one at {endpoint}/settings/tokens"
        case "forbidden":
            return f"{endpoint} refuses {name} ({problem.detail}): see {page}, and whether HF_TOKEN may read it"
        case "busy":
            wait = f"; it asks to wait for {problem.wait_s:.0f} s" if problem.wait_s else ""
            return f"{endpoint} is too busy to give {name} ({problem.detail}){wait}. Try again later"
        case "unreachable":
            return (
                f"{name} is not whole on this disk, and {endpoint} cannot be reached ({problem.detail}): check the "
                "network. Models on this disk still work: exo models"
            )
        case "offline":
            return (
                f"{name} would have to be fetched from {endpoint}, and this node is offline by wish "
                f"({problem.detail}). Models on this disk still work: exo models"
            )
        case "odd":
            return f"{endpoint} answered oddly about {name}: {problem.detail}"
