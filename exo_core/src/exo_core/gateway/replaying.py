"""What becomes of a request when an attempt to answer it ends. Pure.

| how the attempt ended                              | what follows                                            |
|----------------------------------------------------|---------------------------------------------------------|
| every choice has its finish; a `Result`            | the request is over                                     |
| `instance_lost`, `stalled`, `fenced`, `not_ready`, | the next attempt; after the third that an engine        |
| `stopping`: whatever should serve it does not      | accepted an error                                       |
| the same, after a person removed the instance      | the next attempt if another one is ready, else an error |
| the same, and nothing moved for 60 s               | an error                                                |
| `unloaded`: it was idle for long                   | the model is placed anew                                |
| `queue_full`                                       | the next attempt if another instance is ready that has  |
|                                                    | not failed, else this refusal                           |
| any other refusal or failure: the request's fault  | it ends the request                                     |

Only attempts that an engine accepted are counted: a runner that is just starting again refuses many in a second, and
there the clock is the limit. The next attempt goes to the ready instance that failed least since something last moved;
of those to the one that was sent most of the prompt's beginning already, unless it is crowded; then to the one with the
fewest requests in flight. To one that has just failed it goes after a pause, for news of a death may be slower than the
next attempt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import TypeGuard

from exo_core.identifiers import InstanceId
from exo_core.requests import Answer, EngineRequest, Failed, Generate, Refused

MOST_ATTEMPTS = 3
CROWDED_BY = 16
"""An instance with so many more requests in flight than another one is not preferred for what it may have cached."""
REPLAYABLE = frozenset({"instance_lost", "stalled", "fenced", "not_ready", "stopping", "queue_full", "unloaded"})
"""Codes that say nothing against the request itself."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0


def is_replayable(answer: Answer) -> TypeGuard[Refused | Failed]:
    """Whether this answer ends an attempt, but not the request."""
    return isinstance(answer, Refused | Failed) and answer.code in REPLAYABLE


def best_instance(
    ready: Collection[InstanceId],
    failures: Counter[InstanceId],
    in_flight: Counter[InstanceId],
    common: Mapping[InstanceId, int] = {},
) -> InstanceId | None:
    """Where the next attempt goes; None when no instance is ready.

    `common`: how many of the prompt's messages were sent to an instance before, from the first on.
    """
    least = min((in_flight[name] for name in ready), default=0)

    def reuse(name: InstanceId) -> int:
        return common.get(name, 0) if in_flight[name] - least < CROWDED_BY else 0

    return min(ready, key=lambda name: (failures[name], -reuse(name), in_flight[name]), default=None)


def pause_before(failures: int) -> float:
    """Seconds to wait before an instance that failed so often since something last moved is asked again."""
    return min(FIRST_PAUSE_S * 2 ** min(failures - 1, 10), LONGEST_PAUSE_S) if failures else 0.0


def next_request(request: EngineRequest, attempt: int, delivered: tuple[tuple[int, ...], ...]) -> EngineRequest:
    """The same request for another engine; an answer goes on after what the client has."""
    update: dict[str, object] = {"attempt": attempt}
    if isinstance(request, Generate):
        update["delivered"] = delivered
    return request.model_copy(update=update)
