"""Fingerprints as a user meets them: nothing to see, but that a steady run is quick; and a word where one was wrong."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from runner.core.errors import StateError
from runner.engine.fingerprint_sql import halves
from runner.engine.memberships.membership_store import DuckDBMembershipStore
from runner.engine.segments.evaluator import DuckDBSegmentEvaluator
from tests.end_to_end.shop import Person, Shop, hashes, mail
from tests.end_to_end.test_suppressions import audience, never, suppression
from tests.plain_duckdb import plain
from tests.sandbox_client import Sandbox


@pytest.fixture(autouse=True)
def they_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    """From one member on."""
    for module in ("fingerprinted_pass", "memberships.differences"):
        monkeypatch.setattr(f"runner.engine.{module}.LEAST", 1)


def rows(shop: Shop, query: str) -> list[Any]:
    with closing(sqlite3.connect(shop.folder / ".headcount" / "state.db")) as db:
        return db.execute(query).fetchall()


def members(shop: Shop) -> list[Any]:
    [(path,)] = rows(shop, "SELECT path FROM file WHERE role = 'members'")
    file = shop.folder / ".headcount" / path
    return plain().execute(f"select lower(hex(identifier)), fingerprint_1, fingerprint_2 from '{file}'").fetchall()


def test_members_have_fingerprints_and_who_comes_goes_or_is_written_otherwise_is_found(
    shop: Shop, sandbox: Sandbox
) -> None:
    shop.activation()
    shop.apply()
    [(identifier, first, second)] = rows(shop, "SELECT id, first, second FROM salt")
    assert (len(first), len(second)) == (16, 19)
    kept = {one: (left, right) for one, left, right in members(shop)}
    assert len(set(kept.values())) == 3
    mine = "select hash(? || 'person-1@shop.example'), hash(? || 'person-1@shop.example')"
    [expected] = plain().execute(mine, [first, second]).fetchall()
    [one] = hashes(1)
    assert kept[one] == expected
    for file in shop.state_files():
        if file.suffix != ".db":
            assert first.encode() not in file.read_bytes()

    shop.people([*mail(2), Person(" PERSON-3@shop.example"), *mail(4), Person("Person-4@shop.example")])
    sandbox.forget_calls()
    before = {path: path.read_bytes() for path in shop.state_files()}
    (change,) = shop.plan()["loyal"]["members"]
    assert (change["before"], change["after"], change["added"], change["removed"]) == (3, 3, 1, 1)
    assert before == {path: path.read_bytes() for path in shop.state_files()}
    shop.apply()
    sent = sandbox.calls("/contact-list", identifiers=True)
    assert [(call.operation, set(call.identifiers)) for call in sent] == [("remove", hashes(1)), ("add", hashes(4))]

    shop.people(mail(1, 2, 3, 4))
    shop.apply()
    (segment,) = sandbox.segments()
    assert sandbox.members(segment.id, "email") == hashes(1, 2, 3, 4)
    assert identifier == rows(shop, "SELECT id FROM salt")[0][0]


def test_a_wrong_fingerprint_is_found_out_said_and_forgotten(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.activation()
    shop.apply()
    with monkeypatch.context() as patch:
        # Everybody in one part, and a hash for which the first person's text is the second one's.
        patch.setattr("runner.engine.segments.fingerprinted_rows.is_checked", lambda first, part: str(part is not None))
        same = "replace(text, 'person-9@', 'person-1@')"
        patch.setattr("runner.engine.segments.fingerprinted_rows.halves", lambda text, salt: halves(same, salt))
        shop.people(mail(9, 2, 3))
        result = shop.run("sync", code=1)

    assert "fingerprints of its members led to other identifiers" in result.out + result.err
    (segment,) = sandbox.segments()
    assert sandbox.members(segment.id, "email") == hashes(9, 2, 3)
    assert rows(shop, "SELECT fingerprints FROM file WHERE role = 'members'") == [(None,)]

    shop.apply()
    assert rows(shop, "SELECT fingerprints FROM file WHERE role = 'members'") != [(None,)]
    assert sandbox.members(segment.id, "email") == hashes(9, 2, 3)


def test_a_state_of_before_gets_fingerprints_by_a_run_that_has_nothing_to_do(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.activation()
    with monkeypatch.context() as patch:
        for module in ("fingerprinted_pass", "memberships.differences"):
            patch.setattr(f"runner.engine.{module}.LEAST", 1000)
        shop.apply()
    assert rows(shop, "SELECT fingerprints FROM file") == [(None,)]
    sandbox.forget_calls()

    shop.plan()
    assert rows(shop, "SELECT fingerprints FROM file") == [(None,)]
    assert "Nothing to do" in shop.apply().out

    assert [call.path for call in sandbox.calls("contact-list")] == []
    assert all(left and right for _, left, right in members(shop))
    assert shop.plan()["loyal"]["action"] == "unchanged"


def named(shop: Shop) -> list[Any]:
    """Whom the suppression names, with their fingerprints."""
    [(path, origin)] = rows(shop, "SELECT path, fingerprints FROM suppression_file WHERE role = 'members'")
    assert origin
    query = f"select lower(hex(identifier)), fingerprint_1, fingerprint_2 from '{shop.folder / '.headcount' / path}'"
    return plain().execute(query).fetchall()


def test_under_a_suppression_neither_members_nor_people_named_are_hashed_again(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = range(20, 40)
    shop.people([*mail(1, 2, 3, 7, 8), *never(4, 5, *others)])
    shop.activation()
    suppression(shop)
    shop.apply()
    assert {one for one, first, second in named(shop) if first and second} == hashes(4, 5, *others)
    assert all(first and second for _, first, second in members(shop))

    def hashed(*_: object) -> None:
        raise AssertionError("everybody is hashed")

    with monkeypatch.context() as patch:
        patch.setattr(DuckDBSegmentEvaluator, "evaluate", hashed)
        # One withdraws, one consents again, one leaves, one comes, one is written otherwise.
        shop.people([*never(2, 4, *others), *mail(5, 6, 7, 8), Person(" PERSON-3@shop.example")])
        (change,) = shop.plan()["loyal"]["members"]
        assert (change["before"], change["after"], change["added"], change["removed"]) == (5, 5, 2, 2)
        sandbox.forget_calls()
        shop.apply()
        sent = sandbox.calls("/contact-list", identifiers=True)
        assert [(call.operation, set(call.identifiers)) for call in sent] == [
            *(("remove", hashes(2)), ("remove", hashes(1)), ("add", hashes(5, 6))),
        ]
        assert {one for one, _, _ in named(shop)} == hashes(2, 4, *others)
        assert all(first and second for _, first, second in named(shop))
        sandbox.forget_calls()
        assert "Nothing to do" in shop.apply().out
    assert [call.path for call in sandbox.calls("contact-list")] == []
    (segment,) = sandbox.segments()
    assert sandbox.members(segment.id, "email") == hashes(3, 5, 6, 7, 8)


def test_a_wrong_fingerprint_under_a_suppression_is_found_out_said_and_made_again(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.people([*mail(1, 2, 3), *never(4)])
    shop.activation()
    suppression(shop)
    shop.apply()
    before = named(shop)
    with monkeypatch.context() as patch:
        # Everybody in one part, and a hash for which somebody new has the text of whom the suppression names.
        patch.setattr("runner.engine.segments.looked_up_rows.is_checked", lambda first, part: str(part is not None))
        same = "replace(email_value, 'person-9@', 'person-4@')"
        patch.setattr("runner.engine.segments.looked_up_rows.halves", lambda text, salt: halves(same, salt))
        shop.people([*mail(9, 2, 3), *never(4)])
        result = shop.run("sync", code=1)

    assert "fingerprints of its members led to other identifiers" in result.out + result.err
    (segment,) = sandbox.segments()
    assert sandbox.members(segment.id, "email") == hashes(9, 2, 3)
    assert rows(shop, "SELECT fingerprints FROM file WHERE role = 'members'") == [(None,)]
    assert named(shop) == before
    shop.apply()
    assert rows(shop, "SELECT fingerprints FROM file WHERE role = 'members'") != [(None,)]
    assert sandbox.members(segment.id, "email") == hashes(9, 2, 3)


def test_a_wrong_fingerprint_of_somebody_named_is_found_out_said_and_made_again(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.people([*mail(1, 2, 7), *never(4, 5, *range(20, 40))])
    shop.activation()
    suppression(shop)
    shop.apply()
    with monkeypatch.context() as patch:
        # Two new people have the texts of two whom the suppression named, which is found out in the suppression alone.
        patch.setattr("runner.engine.segments.fingerprinted_rows.is_checked", lambda first, part: str(part is not None))
        patch.setattr("runner.engine.segments.looked_up_rows.is_checked", lambda first, part: "false")
        same = "replace(replace({}, 'person-3@', 'person-4@'), 'person-6@', 'person-5@')"
        for module in ("fingerprinted_rows", "looked_up_rows"):
            wrong = f"runner.engine.segments.{module}.halves"
            patch.setattr(wrong, lambda text, salt: halves(same.format(text), salt))
        shop.people([*mail(1, 2, 6), *never(3, *range(20, 40))])
        result = shop.run("sync", code=1)

    assert "1 entered, 2 left; fingerprints of whom it named led to other identifiers" in result.out
    (segment,) = sandbox.segments()
    assert sandbox.members(segment.id, "email") == hashes(1, 2, 6)
    assert {one for one, _, _ in named(shop)} == hashes(3, *range(20, 40))
    shop.apply()
    assert sandbox.members(segment.id, "email") == hashes(1, 2, 6)


def test_whom_a_suppression_has_in_another_spelling_from_now_on_is_hashed_once_more_only(shop: Shop) -> None:
    shop.people([*mail(1, 2), *never(4)])
    shop.activation()
    suppression(shop)
    shop.apply()
    before = named(shop)
    shop.people([*mail(1, 2), Person(" PERSON-4@shop.example", kind="never")])
    shop.apply()
    [(identifier, first, second)] = named(shop)
    assert {identifier} == hashes(4)
    assert None not in (first, second)
    assert (identifier, first, second) not in before
    files = rows(shop, "SELECT path FROM suppression_file")
    shop.apply()
    assert rows(shop, "SELECT path FROM suppression_file") == files


def test_a_suppression_of_a_state_of_before_gets_fingerprints_and_keeps_out_whom_it_named(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.people([*mail(1, 2, 3), *never(4, 5, *range(20, 40))])
    shop.activation()
    suppression(shop)
    with monkeypatch.context() as patch:
        patch.setattr("runner.workflows.fingerprinting.writing", lambda context: context)
        patch.setattr("runner.workflows.fingerprinting.reading", lambda context: context)
        shop.apply()
    assert rows(shop, "SELECT fingerprints FROM suppression_file") == [(None,)]
    sandbox.forget_calls()
    assert "Nothing to do" in shop.apply().out
    assert [call.path for call in sandbox.calls("contact-list")] == []
    assert all(first and second for _, first, second in named(shop))
    shop.people([*mail(1, 2, 5), *never(3, 4, *range(20, 40))])
    shop.apply()
    assert audience(sandbox) == hashes(1, 2, 5)


def test_who_withdraws_before_a_segment_is_evaluated_once_more_is_not_sent(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.people([*mail(1, 2, 3), *never(4)])
    shop.activation()
    suppression(shop)
    shop.apply()

    def short_of_memory(*_: object) -> None:
        shop.people([*mail(1, 2, 3), *never(4, 5)])
        raise StateError("it needs more memory")

    monkeypatch.setattr(DuckDBMembershipStore, "without_looked_up", short_of_memory)
    shop.apply()
    assert audience(sandbox) == hashes(1, 2, 3)


def test_fingerprints_of_an_audience_that_people_could_not_be_taken_out_of_are_made_by_a_later_run(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.people([*mail(*range(1, 21)), *never(100)])
    shop.activation(guardrails={"max_removed": "10%"})
    suppression(shop)
    with monkeypatch.context() as patch:
        for module in ("fingerprinted_pass", "memberships.differences"):
            patch.setattr(f"runner.engine.{module}.LEAST", 1000)
        shop.apply()
    shop.people([*mail(*range(1, 11)), *never(20, 100)])
    sandbox.fault("403", path="contact-list", times=1)
    assert "this is a bug" not in shop.apply(code=1).out
    assert rows(shop, "SELECT fingerprints FROM file WHERE role = 'members'") == [(None,)]
    shop.apply(code=4)
    assert rows(shop, "SELECT fingerprints FROM file WHERE role = 'members'") != [(None,)]
    assert audience(sandbox) == hashes(*range(1, 20))


@pytest.mark.slow
@pytest.mark.parametrize("step", ["without_looked_up", "compare_small"])
def test_a_plan_under_a_suppression_that_is_overtaken_by_an_apply_compares_with_what_that_left(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    uuids = [f"6d92078a-8246-4ba4-ae5b-76104861e7d{number}" for number in range(6)]
    everybody = [Person(one.email, uuid) for one, uuid in zip(mail(*range(6)), uuids, strict=True)]
    shop.people([*everybody, *never(20)])
    sql = "select email, idfa from shop.people where kind = 'all'"
    shop.activation(mapping={"email": "email", "mobile_ad_id": "idfa"}, sql=sql)
    shop.activation("other", sql=sql)
    suppression(shop)
    shop.apply()
    done = getattr(DuckDBMembershipStore, step)

    def overtaken(store: DuckDBMembershipStore, *given: Any) -> Any:
        monkeypatch.setattr(DuckDBMembershipStore, step, done)
        shop.people([*everybody[1:], *never(5, 20)])
        shop.apply()
        shop.people([*everybody[2:], *never(5, 20)])
        return done(store, *given)

    monkeypatch.setattr(DuckDBMembershipStore, step, overtaken)
    shop.people([*everybody[2:], *never(5, 20)])
    for change in shop.plan().values():
        for part in change["members"]:
            assert (part["before"], part["after"], part["added"], part["removed"]) == (4, 3, 0, 1)
