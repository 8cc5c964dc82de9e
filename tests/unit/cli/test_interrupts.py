"""Ctrl-C: what a first and a second one do, and that nothing that swallows them keeps a run going."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest

from runner.cli.signals import Interrupts
from runner.core.errors import Interrupted, StateError


def test_before_anything_is_sent_one_ends_the_run() -> None:
    with pytest.raises(Interrupted, match="nothing was sent"), Interrupts():
        _press()


def test_while_sending_the_first_only_asks(capfd: pytest.CaptureFixture[str]) -> None:
    with Interrupts() as interrupts:
        interrupts.defer()
        assert not interrupts.asked()
        _press()
        assert interrupts.asked()
    assert "press Ctrl-C again to stop at once" in capfd.readouterr().err


def test_the_second_ends_the_run() -> None:
    def run() -> None:
        with Interrupts() as interrupts:
            interrupts.defer()
            _press()
            _press()

    with pytest.raises(Interrupted, match="stopped at once"):
        run()


def test_after_one_that_was_swallowed_nothing_more_is_sent() -> None:
    def run() -> None:
        with Interrupts() as interrupts:
            with suppress(KeyboardInterrupt):
                _press()
            interrupts.defer()
            with pytest.raises(KeyboardInterrupt):
                interrupts.asked()

    with pytest.raises(Interrupted, match="stopped at once"):
        run()


def test_what_it_was_turned_into_is_not_what_the_user_is_told() -> None:
    def run() -> None:
        with Interrupts():
            try:
                _press()
            except KeyboardInterrupt:
                raise StateError("a function that SQLite called raised something", "") from None

    with pytest.raises(Interrupted, match="nothing was sent"):
        run()


def _press() -> None:
    os.kill(os.getpid(), signal.SIGINT)
