"""Requests that come in hold up those that are open for some milliseconds only, and none of them is forgotten."""

from __future__ import annotations

from exo_core.identifiers import RequestId
from exo_core.requests import TextPrompt, Tokenize
from exo_engine.inbox import Submit
from exo_engine.submissions import Submissions


class Preparing:
    """Every request takes two imagined milliseconds."""

    def __init__(self, count: int) -> None:
        self.now = 0.0
        self.prepared: list[str] = []
        self.submissions = Submissions(self._prepare, lambda: self.now)
        for number in range(count):
            prompt = TextPrompt(text="a")
            request = Tokenize(request_id=RequestId(str(number)), prompt=prompt)
            self.submissions.add(Submit(request, lambda _: None))

    def _prepare(self, submit: Submit) -> None:
        self.now += 0.002
        self.prepared.append(submit.request.request_id)


def test_while_others_are_open_a_few_are_prepared_at_a_time() -> None:
    preparing = Preparing(5)
    preparing.submissions.prepare_some(lambda: True)
    assert preparing.prepared == ["0", "1", "2"]
    preparing.submissions.prepare_some(lambda: True)
    assert preparing.prepared == ["0", "1", "2", "3", "4"]
    assert not preparing.submissions


def test_they_hold_up_nobody_where_nobody_is_open() -> None:
    preparing = Preparing(5)
    preparing.submissions.prepare_some(lambda: False)
    assert len(preparing.prepared) == 5


def test_who_is_to_be_cancelled_is_prepared_at_once_and_the_rest_stays_in_order() -> None:
    preparing = Preparing(4)
    preparing.submissions.prepare_those_of(RequestId("2"))
    assert preparing.prepared == ["2"]
    assert [submit.request.request_id for submit in preparing.submissions.give_up()] == ["0", "1", "3"]
