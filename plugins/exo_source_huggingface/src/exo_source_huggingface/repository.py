"""What does a model's id say: which repository of the hub, at which revision?"""

from __future__ import annotations

import re
from dataclasses import dataclass

from exo_core.identifiers import ModelId

_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}"
_ID = re.compile(rf"(?P<name>{_NAME}/{_NAME})(?:@(?P<revision>[A-Za-z0-9_][A-Za-z0-9_./-]{{0,199}}))?")


@dataclass(frozen=True, kw_only=True)
class Repository:
    """`name` is `org/name`; `revision` a branch, a tag or a commit, None: the main branch."""

    name: str
    revision: str | None = None

    @property
    def wanted_revision(self) -> str:
        """What is asked of the hub."""
        return self.revision or "main"

    @property
    def folder_name(self) -> str:
        """As huggingface-hub names the repository's folder in its cache."""
        return f"models--{self.name.replace('/', '--')}"


def repository_of(model_id: ModelId) -> Repository | None:
    """The repository that an id means, or None when it cannot mean one."""
    found = _ID.fullmatch(model_id)
    if found is None or ".." in model_id or "--" in found["name"] or found["name"].endswith((".git", ".", "-")):
        return None
    return Repository(name=found["name"], revision=found["revision"])
