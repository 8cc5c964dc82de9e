"""A notice is sent at least once, under one id, and kept until it is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from runner.core.destination import Secret
from runner.core.errors import StateError
from runner.core.notices import NoticeKey, Observed, Wording
from runner.core.receivers import NoticeCondition, Receiver, ReceiverFormat
from runner.webhooks.delivery import Posted, Work
from runner.webhooks.webhook_addresses import WebhookAddress
from runner.workflows.send_notices import Mailing, is_needed, notify
from tests.builders import HERE, NOON
from tests.fakes.state import FakeState

EVERY = frozenset(NoticeCondition)


@dataclass
class Mail:
    """What was posted, and how many notices of each message are taken."""

    takes: int = 100
    posted: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def __call__(self, work: Mapping[str, Work]) -> dict[str, Posted]:
        self.posted += [(name, one) for name, (_, _, notices) in work.items() for one in notices]
        return {name: Posted(min(self.takes, len(work[name][2])), "" if self.takes else "it sleeps") for name in work}


def mailing(post: Mail, *names: str) -> Mailing:
    made = [Receiver(name, Secret("https://x"), ReceiverFormat.JSON, EVERY, True, None, HERE) for name in names]
    return Mailing(made, {name: WebhookAddress("https://x", "x") for name in names}, {}, post)


def failed(*subjects: str) -> Sequence[Observed]:
    return [Observed(one, one, {NoticeCondition.FAILED: Wording("it failed")}) for one in subjects]


def run(state: FakeState, to: Mailing, *observed: Observed) -> None:
    notify(to, state, lambda _: observed, lambda: NOON)


def test_a_death_between_sending_and_writing_that_down_sends_the_same_notice_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, post = FakeState(tmp_path), Mail()

    def die(delivered: Sequence[NoticeKey], missed: Sequence[NoticeKey], at: datetime) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(state, "notices_tried", die)
        with pytest.raises(KeyboardInterrupt):
            run(state, mailing(post, "a"), *failed("loyal"))
    run(state, mailing(post, "a"), *failed("loyal"))
    run(state, mailing(post, "a"), *failed("loyal"))
    [first, second] = post.posted
    assert first == second


def test_where_it_cannot_be_written_down_what_was_taken_it_is_sent_again_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = FakeState(tmp_path)

    def fail(delivered: Sequence[NoticeKey], missed: Sequence[NoticeKey], at: datetime) -> None:
        raise StateError("no space left")

    monkeypatch.setattr(state, "notices_tried", fail)
    [sent] = notify(mailing(Mail(), "a"), state, lambda _: failed("loyal"), lambda: NOON)
    assert (sent.taken, sent.waiting) == (0, 1)
    assert "could not be written down" in sent.problem


def test_what_one_receiver_does_not_take_is_kept_for_it_alone(tmp_path: Path) -> None:
    state = FakeState(tmp_path)
    run(state, mailing(Mail(takes=0), "a", "b"), *failed("loyal"))
    run(state, mailing(Mail(), "a"))
    state_of = {row.key.receiver: (row.content is None, row.attempts) for row in state.notices()}
    assert state_of == {"a": (True, 0)}


def test_of_several_notices_those_that_were_taken_are_not_sent_again(tmp_path: Path) -> None:
    state = FakeState(tmp_path)
    run(state, mailing(Mail(takes=2), "a"), *failed("one", "two", "three"))
    rest = Mail()
    run(state, mailing(rest, "a"))
    assert [one["subject"] for _, one in rest.posted] == ["three"]


def test_where_nothing_has_changed_and_nothing_waits_the_state_is_not_needed(tmp_path: Path) -> None:
    state, to = FakeState(tmp_path), mailing(Mail(), "a")
    assert is_needed(to, state, lambda _: failed("loyal"), NOON)
    run(state, to, *failed("loyal"))
    assert not is_needed(to, state, lambda _: failed("loyal"), NOON)
