"""What a state remembers of suppressions, and which of their files it keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.core.errors import StateError
from runner.core.identifiers import IdentifierType
from runner.core.records import AccountRef
from runner.core.suppression import SuppressionDefinition
from runner.state.local.folder_backing import FolderBacking
from runner.state.store import StateStore

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
EMAIL = IdentifierType.EMAIL
NO_CONSENT = SuppressionDefinition("m", "s", {"email": "email"}, (AccountRef("criteo", "12345"),), "select 1", "no")


@pytest.fixture
def state(tmp_path: Path) -> StateStore:
    return StateStore(FolderBacking(tmp_path / ".headcount", lambda: NOON))


def _of(content: str) -> Callable[[Path], Mapping[IdentifierType, int]]:
    def write(path: Path) -> Mapping[IdentifierType, int]:
        path.write_text(content)
        return {EMAIL: len(content)}

    return write


def _contents(state: StateStore) -> tuple[str, str | None]:
    files = state.suppression_files("consent")
    assert files is not None
    return files.members.read_text(), None if files.before is None else files.before.read_text()


def test_a_definition_comes_back_as_it_was(state: StateStore) -> None:
    with state.lock("test"):
        state.define_suppression("consent", NO_CONSENT, NOON)
    [found] = state.suppressions()
    assert (found.name, found.definition, found.applied_at) == ("consent", NO_CONSENT, NOON)
    assert (found.definition.text, found.definition.reason) == ("select 1", "no")
    assert not found.is_clean
    assert state.suppression_files("consent") is None


def test_nothing_is_before_until_audiences_were_clean_once(state: StateStore) -> None:
    with state.lock("test"):
        state.define_suppression("consent", NO_CONSENT, NOON)
        state.remember_suppression("consent", _of("ab"), NOON)
        state.remember_suppression("consent", _of("abc"), NOON)
    assert _contents(state) == ("abc", None)
    assert not state.suppressions()[0].is_clean
    assert dict(state.suppressions()[0].members) == {EMAIL: 3}


def test_whom_it_named_when_audiences_were_clean_is_kept_until_they_are_again(state: StateStore) -> None:
    with state.lock("test"):
        state.define_suppression("consent", NO_CONSENT, NOON)
        state.remember_suppression("consent", _of("a"), NOON)
        state.suppression_clean("consent")
        assert state.suppressions()[0].is_clean
        for content in ("ab", "abc", "abcd"):
            state.remember_suppression("consent", _of(content), NOON)
    assert _contents(state) == ("abcd", "a")
    assert not state.suppressions()[0].is_clean
    with state.lock("test"):
        state.suppression_clean("consent")
    assert _contents(state) == ("abcd", None)
    assert state.suppressions()[0].is_clean


def test_files_that_nothing_points_to_are_removed(state: StateStore, tmp_path: Path) -> None:
    with state.lock("test"):
        state.define_suppression("consent", NO_CONSENT, NOON)
        for content in ("a", "ab", "abc"):
            state.remember_suppression("consent", _of(content), NOON)
            state.suppression_clean("consent")
    assert len(list((tmp_path / ".headcount" / "suppressions").rglob("*.parquet"))) == 1
    with state.lock("test"):
        state.forget_suppression("consent")
    assert not list((tmp_path / ".headcount" / "suppressions").rglob("*.parquet"))
    assert state.suppressions() == ()


def test_a_run_that_begins_keeps_the_files_of_suppressions(state: StateStore, tmp_path: Path) -> None:
    with state.lock("test"):
        state.define_suppression("consent", NO_CONSENT, NOON)
        state.remember_suppression("consent", _of("a"), NOON)
        state.suppression_clean("consent")
        state.remember_suppression("consent", _of("ab"), NOON)
    left = tmp_path / ".headcount" / "suppressions" / "consent" / "000009.parquet"
    left.write_text("of a dead run")
    with state.lock("test"):
        pass
    assert _contents(state) == ("ab", "a")
    assert not left.exists()


def test_another_definition_makes_every_audience_suspect(state: StateStore) -> None:
    with state.lock("test"):
        state.define_suppression("consent", NO_CONSENT, NOON)
        state.remember_suppression("consent", _of("a"), NOON)
        state.suppression_clean("consent")
        state.define_suppression("consent", SuppressionDefinition("n", "t", {"email": "email"}), NOON)
    assert not state.suppressions()[0].is_clean
    assert _contents(state) == ("a", None)


def test_since_when_it_fails_is_remembered_until_it_is_evaluated(state: StateStore) -> None:
    later = datetime(2026, 11, 28, 13, tzinfo=UTC)
    with state.lock("test"):
        state.define_suppression("consent", NO_CONSENT, NOON)
        state.suppression_failing("consent", NOON)
        state.suppression_failing("consent", later)
        assert state.suppressions()[0].failing_since == NOON
        state.suppression_evaluated("consent", later)
    assert state.suppressions()[0].failing_since is None
    assert state.suppressions()[0].evaluated_at == later


def test_a_damaged_file_is_never_taken_for_whom_it_named(state: StateStore, tmp_path: Path) -> None:
    with state.lock("test"):
        state.define_suppression("consent", NO_CONSENT, NOON)
        state.remember_suppression("consent", _of("abc"), NOON)
    [path] = (tmp_path / ".headcount" / "suppressions").rglob("*.parquet")
    path.chmod(0o600)
    path.write_text("abX")
    again = StateStore(FolderBacking(tmp_path / ".headcount", lambda: NOON))
    with pytest.raises(StateError, match="damaged"):
        again.suppression_files("consent")
