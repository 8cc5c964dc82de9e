from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from runner.core.errors import SegmentError
from runner.core.identifiers import IdentifierType
from runner.core.membership import Rejected
from runner.engine.embedded import EmbeddedEngine
from tests.plain_duckdb import plain
from tests.unit.engine.conftest import World, activation

EMAIL, MOBILE, PHONE = IdentifierType.EMAIL, IdentifierType.MOBILE_AD_ID, IdentifierType.PHONE_NUMBER

ENDLESS = "select count(*)::varchar as email from range(1000000000000) t(i) where hash(i) = 1"


def test_rows_people_blanks_and_rejections_are_counted(world: World) -> None:
    world.table(
        "mixed",
        """select * from (values
            ('a@example.com', '6d92078a-8246-4ba4-ae5b-76104861e7dc'), ('A@Example.com ', null), (null, ''), ('', ' '),
            ('nobody', '00000000-0000-0000-0000-000000000000'), ('jean.dupont@gmail', null), ('n/a', 'x'),
            ('b@example.com', 'x'), (null, '6d92078a-8246-4ba4-ae5b-76104861e7dd')) t(email, idfa)""",
    )

    found = world.evaluate("select * from shop.mixed", {EMAIL: "email", MOBILE: "idfa"})

    assert (found.rows, found.people) == (9, 4)
    assert found.types == (EMAIL, MOBILE)
    assert found.blank == {EMAIL: 3, MOBILE: 4}
    assert found.rejected == (
        Rejected(EMAIL, "not an e-mail address", 3),
        Rejected(MOBILE, "not a UUID", 2),
        Rejected(MOBILE, "all zeros: tracking is switched off", 1),
    )


def test_no_part_of_a_rejected_value_is_in_what_is_written_or_said(world: World) -> None:
    """Not even its punctuation: `translate` can put a whole address into that."""
    hidden = "translate(hex('jean@example.com'), '0123456789ABCDEF', '!#$%&()*+,-./:;<')"
    found = world.evaluate(f"select {hidden} as email from range(3)")

    assert found.rejected == (Rejected(EMAIL, "not an e-mail address", 3),)
    assert plain().execute(f"select distinct email, email_kind from '{found.path}'").fetchall() == [(None, 3)]
    assert len(plain().execute(f"describe from '{found.path}'").fetchall()) == 2


def test_a_segment_without_rows_is_an_evaluation_like_any_other(people: World) -> None:
    found = people.evaluate("select email from shop.people where false")

    assert (found.rows, found.people, found.rejected, found.blank) == (0, 0, (), {EMAIL: 0})


def test_one_row_of_several_types_is_one_person(world: World) -> None:
    found = world.evaluate("select 'a@b.com' as email, '+33612345678' as p", {EMAIL: "email", PHONE: "p"})

    assert (found.rows, found.people) == (1, 1)


def test_clear_text_is_not_in_the_engines_files(people: World) -> None:
    found = people.evaluate("select email from shop.people")

    assert found.path.stat().st_mode & 0o077 == 0 or found.path.parent.parent.stat().st_mode & 0o077 == 0
    assert b"person1" not in found.path.read_bytes()


def test_columns_that_are_not_mapped_are_not_computed(people: World) -> None:
    found = people.evaluate("select email, error('boom ' || email) as other, email::int as third from shop.people")

    assert found.people == 3


def test_a_column_is_found_whatever_its_case_the_exact_one_first(people: World) -> None:
    assert people.evaluate("select email as EMail from shop.people").people == 3
    assert people.evaluate('select email as "E-mail" from shop.people', {EMAIL: "e-MAIL"}).people == 3
    assert people.evaluate("select null as EMAIL, email as email from shop.people").people == 3


def test_whole_numbers_and_uuids_are_taken_as_text(world: World) -> None:
    mobile = "'6d92078a-8246-4ba4-ae5b-76104861e7dc'::uuid"
    sql = f"select 33612345678::bigint as p, {mobile} as m, 'a@b.com'::enum('a@b.com') as e"

    assert world.evaluate(sql, {PHONE: "p", MOBILE: "m", EMAIL: "e"}).rejected == ()


def test_the_clock_of_segment_sql_is_in_utc(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    found = world.evaluate("select 'a@b.com' as email where timezone('UTC', now()) = now()::timestamp")

    assert found.people == 1


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select error(email) as email from shop.people", "a function was given a value that it does not accept"),
        ("select email::int as email from shop.people", "a value of column email cannot be converted to INT32"),
        ("select cast(email || '@' as date)::varchar as email from shop.people", "cannot be converted"),
        ("select strptime(email, '%Y')::varchar as email from shop.people", "a value that it does not accept"),
        ("select json(email)::varchar as email from shop.people", "a value that it does not accept"),
        ("select email from shop.people where regexp_matches('a', email || '(')", "a value that it does not accept"),
        ("select (9223372036854775807 + n)::varchar as email from shop.people", "a number is out of range"),
        ("select email::enum('a')::varchar as email from shop.people", "a value of column email cannot be converted"),
        ("select (select email from shop.people) as email", "a value that it does not accept"),
        ("select email from shop.people where email::date > '2020-01-01'", "cannot be converted"),
        ("select email from shop.people where email = 5", "holds text, and is compared here with a number"),
        ("select p.email from shop.people p where p.email in (5, 6)", "compared here with a number"),
        (
            "select (' to PERSON when casting from source column person1' || email)::int as email from shop.people",
            "INT32",
        ),
    ],
)
def test_what_the_data_makes_fail_is_told_without_the_data(people: World, sql: str, said: str) -> None:
    with pytest.raises(SegmentError) as caught:
        people.evaluate(sql)

    error = caught.value
    assert error.finding is not None
    assert said in error.message
    said = f"{error} {error.message} {error.hint} {error.finding.message} {error.finding.hint} {error.args}"
    assert "person1" not in said
    assert "PERSON" not in said
    assert "@" not in said
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize(
    ("literal", "said"),
    [
        ("date '2026-13-01'", '"2026-13-01" is no date'),
        ("cast('2026-02-30' as date)", '"2026-02-30" is no date'),
        ("'soon'::timestamp", '"soon" is no time'),
        ("timestamp '2026-01-01 25:00:00'", '"2026-01-01 25:00:00" is no time'),
        ("'five'::int", '"five" is no number'),
    ],
)
def test_a_literal_that_is_no_value_of_its_type_is_found_at_its_place(people: World, literal: str, said: str) -> None:
    sql = f"select email\nfrom shop.people\nwhere -- é\n  {literal} is not null"
    [finding] = people.check(sql)
    with pytest.raises(SegmentError) as caught:
        people.evaluate(sql)

    ran = caught.value.finding
    assert ran is not None
    for one in (finding, ran):
        assert (one.code, one.message, one.location.line) == ("sql-literal", said, 8)
    assert ran.excerpt[ran.location.column - 1 :].startswith("'")


def test_a_literal_that_is_compared_is_found_at_its_place_when_it_is_run(people: World) -> None:
    with pytest.raises(SegmentError, match='"three" is no number'):
        people.evaluate("select email from shop.people where n between 1 and 'three'")


@pytest.mark.parametrize("literal", ["date '2026-12-31'", "try_cast('soon' as date)", "'5'::int", "interval '3 days'"])
def test_a_literal_of_its_type_is_left_alone(people: World, literal: str) -> None:
    assert people.check(f"select email from shop.people where {literal} is not null") == ()


def test_addresses_given_as_md5_are_counted_in_every_column(world: World) -> None:
    rows = "(md5('a'), sha256('b')), ('c@b.com', upper(md5('d'))), (' ' || md5('a'), 'not an address')"
    sql = f"select * from (values {rows}) as people(one, other)"
    mapping = {EMAIL: ("one", "other")}

    assert world.engine.evaluator.md5s(activation(sql, mapping), world.evaluate(sql, mapping)) == 3
    clear = "select 'a@b.com' as email"
    assert world.engine.evaluator.md5s(activation(clear), world.evaluate(clear)) == 0


def test_the_message_of_a_damaged_column_keeps_names_that_are_data_to_itself(world: World) -> None:
    (world.folder / "headless.csv").write_text("jean.dupont@example.com,+33612345678\nb@example.com,+33612345679\n")
    world.tables["headless"] = (str(world.folder / "headless.csv"),)

    found = (
        *world.check("select email from shop.headless"),
        *world.check("select * from shop.headless"),
        *world.check('select "jean.dupont@example.co" as email from shop.headless'),
    )

    assert [finding.code for finding in found] == ["data-file"] * 3
    assert "jean.dupont@example.com" not in str(found)
    assert "336" not in str(found)


def test_a_query_over_its_time_limit_is_interrupted(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path, threads=1, time_limit=0.5)
    with pytest.raises(SegmentError, match=r"time limit of 0\.5 seconds") as caught:
        engine.evaluator.evaluate(activation(ENDLESS), ())
    engine.close()

    assert "HEADCOUNT_TIME_LIMIT" in caught.value.hint
    assert caught.value.finding is not None
    assert caught.value.finding.code == "sql-time-limit"
    assert list(tmp_path.iterdir()) == []


def test_a_query_over_its_memory_limit_says_so(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path, threads=1, memory_limit="60MB")
    with pytest.raises(SegmentError, match="more than 60MB of memory") as caught:
        engine.evaluator.evaluate(activation("select repeat('x', 200000000) as email"), ())
    engine.close()

    assert "HEADCOUNT_MEMORY_LIMIT" in caught.value.hint


def test_limits_come_from_the_environment_where_none_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADCOUNT_TIME_LIMIT", "0.4")
    engine = EmbeddedEngine(tmp_path, threads=1)

    with pytest.raises(SegmentError, match=r"time limit of 0\.4 seconds"):
        engine.evaluator.evaluate(activation(ENDLESS), ())
    engine.close()


def test_progress_is_told_while_a_segment_runs(tmp_path: Path) -> None:
    said: list[tuple[str, float]] = []
    engine = EmbeddedEngine(
        tmp_path, threads=1, time_limit=0.5, on_progress=lambda name, percent: said.append((name, percent))
    )
    with pytest.raises(SegmentError):
        engine.evaluator.evaluate(activation(ENDLESS), ())
    engine.close()

    assert {name for name, _ in said} == {"loyal"}
    assert all(0 <= percent <= 100 for _, percent in said)


def test_ctrl_c_ends_a_query_at_once_and_leaves_no_file(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from runner.engine.embedded import EmbeddedEngine
        from tests.unit.engine.conftest import activation
        engine = EmbeddedEngine(Path({str(tmp_path)!r}), threads=1, on_progress=lambda *_: print("running", flush=True))
        try:
            engine.evaluator.evaluate(activation({ENDLESS!r}), ())
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        finally:
            engine.close()
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        os.kill(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=30)

    assert output.splitlines()[-1] == "interrupted"
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_evaluations_are_removed_when_the_engine_is_closed(people: World) -> None:
    found = people.evaluate("select email from shop.people")
    assert found.path.exists()

    people.engine.close()

    assert not found.path.exists()


def test_a_failed_evaluation_leaves_no_file_even_before_closing(people: World) -> None:
    with pytest.raises(SegmentError):
        people.evaluate("select error(email) as email from shop.people")

    [folder] = (people.folder / "scratch").iterdir()
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_clear_and_hashed_people_are_the_same_membership(people: World) -> None:
    clear = people.evaluate("select email from shop.people")
    hashed = people.evaluate("select upper(sha256(email)) as email from shop.people")
    outbox, members = people.folder / "outbox.parquet", people.folder / "members.parquet"
    from runner.core.membership import MembershipFiles

    batches = people.engine.memberships.write_outbox(
        people.engine.memberships.compare(clear, MembershipFiles()), outbox, 2
    )
    people.engine.memberships.settle(
        MembershipFiles(None, outbox, frozenset(batch.number for batch in batches)), members
    )

    [part] = people.engine.memberships.compare(hashed, MembershipFiles(members)).delta.values()
    assert (part.before, part.after, part.added, part.removed) == (3, 3, 0, 0)
    assert len(plain().execute(f"from '{members}'").fetchall()) == 3
