"""Suppressions over several runs: people who come and go, files that are damaged, audiences that nobody may change."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from runner.cli.commands import plan_apply_sync
from tests.end_to_end.shop import Person, Shop, hashes, mail, minutes_pass
from tests.sandbox_client import Sandbox

NAMED = range(100, 110)
"""People whom the suppression names from the start, and who are in no segment."""


def suppression(shop: Shop, **lines: Any) -> None:
    lines.setdefault("sql", "select email, idfa from shop.people where kind = 'never'")
    lines.setdefault("mapping", {"email": "email"})
    shop.write("activations/no-consent.yaml", json.dumps({"kind": "Suppression", "name": "no-consent", **lines}))


def never(*numbers: int) -> list[Person]:
    return [Person(person.email, kind="never") for person in mail(*NAMED, *numbers)]


def audience(sandbox: Sandbox, name: str = "Loyal") -> set[str]:
    return sandbox.members(sandbox.segment(name).id, "email")


def what_it_did(shop: Shop) -> str:
    """What the newest run of the history says of the suppression."""
    [run] = shop.run("history", "--limit", "1", "--format", "json").json["runs"]
    return next(str(one["detail"]) for one in run["activations"] if "no-consent" in one["activation"])


@pytest.fixture
def filled(shop: Shop) -> Shop:
    """An audience of twenty people, and a suppression in effect that names nobody of them."""
    shop.people([*mail(*range(1, 21)), *never()])
    shop.activation(sql="select email, idfa from shop.people where kind <> 'canary'")
    suppression(shop)
    shop.apply()
    return shop


def test_who_consents_and_withdraws_again_leaves_again_though_another_account_is_out_of_reach(
    filled: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = (filled.folder / "activations" / "shop.yaml").read_text().partition("---")[2]
    filled.write("activations/second.yaml", second.replace("name: criteo", "name: second").replace("12345", "67890"))
    filled.activation(destination="criteo")
    filled.activation("other", name="Other", destination="second")
    filled.people([*mail(*range(1, 20)), *never(20)])
    minutes_pass(monkeypatch, 70)
    filled.apply()
    assert audience(sandbox) == hashes(*range(1, 20))
    assert "after the run began and at most 71 min after its data first had them" in what_it_did(filled)
    assert "at most 71 min after its data first had them" in " ".join(filled.run("status", "--details").out.split())

    filled.remove("activations/second.yaml")
    filled.remove("activations/other.yaml")
    filled.people([*mail(*range(1, 19)), *mail(20), *never(19)])  # 20 consents; 19 cannot be taken out of Other
    filled.apply(code=1)
    assert audience(sandbox) == hashes(*range(1, 19), 20)

    filled.activation(destination="criteo", guardrails={"min_members": 1000})
    filled.people([*mail(*range(1, 19)), *never(19, 20)])
    filled.apply(code=None)
    assert "taken out of" in what_it_did(filled)
    assert "at most" not in what_it_did(filled), "somebody may have waited for longer"
    assert audience(sandbox) == hashes(*range(1, 19)), "the audience is blocked, but whoever is named leaves it"


def test_whom_it_names_is_kept_out_of_small_audiences_that_are_evaluated_together(
    filled: Shop, sandbox: Sandbox
) -> None:
    filled.activation("other", name="Other", sql="select email, idfa from shop.people where kind <> 'canary'")
    filled.apply()
    filled.people([*mail(*range(1, 23)), *never(20, 22)])  # 20 withdraws, and so does 22, who is new
    filled.run("sync")
    for name in ("Loyal", "Other"):
        assert audience(sandbox, name) == hashes(*range(1, 20), 21)


def test_while_somebody_thinks_about_a_plan_nobody_has_asked_again_who_withdrew(
    filled: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def confirmed_after_an_hour(*_: object, **__: object) -> bool:
        filled.people([*mail(*range(1, 22)), *never(20)])  # 20 withdraws after the suppression was evaluated
        minutes_pass(monkeypatch, 60)
        return True

    filled.people([*mail(*range(1, 22)), *never()])
    with monkeypatch.context() as patch:
        patch.setattr(plan_apply_sync, "can_ask", lambda: True)
        patch.setattr(plan_apply_sync.typer, "confirm", confirmed_after_an_hour)
        filled.run("apply")
    minutes_pass(monkeypatch, 90)
    filled.run("sync")
    assert audience(sandbox) == hashes(*range(1, 20), 21)
    assert "at most 91 min after its data first had them" in what_it_did(filled), "and not 31: it was asked 90 min ago"


def test_values_that_keep_nobody_out_are_told_of(shop: Shop, sandbox: Sandbox) -> None:
    shop.people([*mail(1, 2, 3), Person("06 12 34", kind="never"), Person("", kind="never"), *never(2)])
    shop.activation(sql="select email, idfa from shop.people where kind = 'all'")
    suppression(shop, mapping={"email": "email"})
    said = "1 of its values is no identifier, and keeps nobody out"
    assert said in shop.run("plan").out
    shop.apply()
    assert audience(sandbox) == hashes(1, 3)
    assert said in what_it_did(shop)
    assert said not in shop.run("plan").out, "it was told when it took effect"
    suppression(shop, sql="select email, idfa from shop.people where kind = 'never' and email like '06%'")
    shop.apply("--allow-suppression", "no-consent", code=None)
    assert said in shop.run("plan").out, "of one that names nobody it is told each time"


@pytest.mark.slow
def test_values_of_one_in_effect_that_go_bad_later_are_told_of(shop: Shop) -> None:
    bad = Person("06 12 34", kind="never"), Person("ana at shop", kind="never")
    shop.people([*mail(1, 2), *never(3)])
    shop.activation(sql="select email, idfa from shop.people where kind = 'all'")
    suppression(shop, mapping={"email": "email"})
    shop.apply()
    assert "identifier, and keep" not in what_it_did(shop)
    shop.people([*mail(1, 2), *never(3), *bad])
    said = "2 of its values are no identifiers, and keep nobody out"
    assert said in shop.run("plan").out
    assert said in shop.run("plan", "--format", "markdown").out
    assert said in shop.run("sync").out
    assert said in what_it_did(shop)
    assert said not in shop.run("plan").out, "it was said"
    assert said not in shop.run("sync").out
    shop.people([*mail(1, 2), *never(3), bad[0]])
    assert "1 of its values is no identifier, and keeps nobody out; 2 before" in shop.run("sync").out
    shop.people([*mail(1, 2), *never(3)])
    assert "every value of it is an identifier again" in shop.run("sync").out
    assert "identifier" not in shop.run("sync").out


def test_addresses_that_segments_have_as_their_md5_are_kept_out_where_the_suppression_yields_both(
    shop: Shop, sandbox: Sandbox
) -> None:
    one = mail(1)[0].email
    shop.people([Person(hashlib.md5(one.encode()).hexdigest()), *mail(2, 3), Person(one, kind="never")])
    shop.activation(sql="select email, idfa from shop.people where kind = 'all'")
    both = "select email, md5(lower(trim(email))) as email_md5 from shop.people where kind = 'never'"
    suppression(shop, sql=both, mapping={"email": ["email", "email_md5"]})
    shop.apply()
    assert audience(sandbox) == hashes(2, 3)


@pytest.mark.slow
def test_addresses_as_md5_that_a_suppression_cannot_recognise_are_warned_of(shop: Shop) -> None:
    hashed = [Person(hashlib.md5(one.email.encode()).hexdigest().upper()) for one in mail(1, 2)]
    shop.people([*hashed, *mail(3), Person(hashlib.sha256(mail(4)[0].email.encode()).hexdigest()), *never(1)])
    shop.activation(sql="select email, idfa from shop.people where kind = 'all'")
    suppression(shop, mapping={"email": "email"})
    said = (
        "2 of its e-mail addresses are given as MD5, by which suppression no-consent cannot recognise anybody: they are"
        " sent, also where the person asked not to be"
    )
    assert said in shop.run("plan").out
    assert said in shop.apply().err
    assert said in shop.run("sync").err
    assert said in shop.run("plan").out, "in each run"
    assert said in shop.run("plan", "--format", "markdown").out
    assert [one["code"] for one in shop.plan()["loyal"]["warnings"]] == ["md5-not-recognised"]
    both = "select email, md5(lower(trim(email))) as email_md5 from shop.people where kind = 'never'"
    suppression(shop, sql=both, mapping={"email": ["email", "email_md5"]})
    shop.apply()
    assert "MD5" not in shop.run("sync").err


@pytest.mark.parametrize("names", [True, False], ids=["somebody is named", "nobody is named"])
def test_a_damaged_memory_of_it_adds_nobody_until_it_is_allowed_to_begin_again(
    filled: Shop, sandbox: Sandbox, names: bool
) -> None:
    if not names:
        suppression(filled, guardrails={"max_lost": None})
        filled.people(mail(*range(1, 21)))
        filled.apply()
    [damaged] = [path for path in filled.state_files() if "suppressions" in path.parts]
    damaged.write_bytes(b"damaged")
    filled.people([*mail(*range(1, 20)), *mail(21), *(never(20) if names else [])])
    assert "--allow-suppression no-consent" in filled.apply(code=1).out
    assert audience(sandbox) == hashes(*range(1, 21 if names else 20)), "whom it named last is not known"
    filled.apply("--allow-suppression", "no-consent")
    assert audience(sandbox) == hashes(*range(1, 20), 21)
    filled.apply()


def test_what_is_on_the_row_of_whoever_is_named_leaves_a_blocked_audience_too(shop: Shop, sandbox: Sandbox) -> None:
    devices = [f"6d92078a-8246-4ba4-ae5b-76104861e7d{digit}" for digit in "1234"]
    people = [Person(person.email, device) for person, device in zip(mail(1, 2, 3, 4), devices, strict=True)]
    shop.people([*people, *never()])
    shop.activation(mapping={"mobile_ad_id": "idfa"}, sql="select email, idfa from shop.people where kind = 'all'")
    suppression(shop)
    shop.apply()
    shop.activation(
        mapping={"mobile_ad_id": "idfa"},
        sql="select email, idfa from shop.people where kind = 'all'",
        guardrails={"min_members": 1000},
    )
    shop.people([*people, *never(2)])
    shop.apply(code=4)
    assert audience(sandbox) == hashes(1, 3, 4)
    assert sandbox.members(sandbox.segment("Loyal").id, "madid") == {devices[0], *devices[2:]}


def test_guardrails_do_not_judge_what_is_on_the_rows_of_those_named(shop: Shop, sandbox: Sandbox) -> None:
    devices = [f"6d92078a-8246-4ba4-ae5b-76104861e7d{digit}" for digit in "1234"]
    people = [Person(person.email, device) for person, device in zip(mail(1, 2, 3, 4), devices, strict=True)]
    settings: dict[str, Any] = {
        "mapping": {"mobile_ad_id": "idfa"},
        "sql": "select email, idfa from shop.people where kind = 'all'",
        "guardrails": {"max_removed": "10%"},
    }
    shop.people([*people, *never()])
    shop.activation(**settings)
    suppression(shop)
    shop.apply()
    shop.people([*people, *never(2, 3)])
    shop.apply()
    assert sandbox.members(sandbox.segment("Loyal").id, "madid") == {devices[0], devices[3]}


def test_an_identifier_that_somebody_else_has_too_stays(shop: Shop, sandbox: Sandbox) -> None:
    device = "6d92078a-8246-4ba4-ae5b-76104861e7d1"
    people = [Person(person.email, device) for person in mail(1, 2)]
    shop.people([*people, *never()])
    shop.activation(mapping={"mobile_ad_id": "idfa"}, sql="select email, idfa from shop.people where kind = 'all'")
    suppression(shop)
    shop.apply()
    shop.people([*people, *never(2)])
    shop.apply()
    assert audience(sandbox) == hashes(1)
    assert sandbox.members(sandbox.segment("Loyal").id, "madid") == {device}


@pytest.mark.parametrize("name", ["no-consnet", "no-*"])
def test_only_a_whole_name_that_is_there_can_be_allowed(filled: Shop, name: str) -> None:
    assert "no-consent" in filled.apply("--allow-suppression", name, code=64).err


def test_an_audience_that_everybody_leaves_is_not_blocked(filled: Shop, sandbox: Sandbox) -> None:
    filled.people(never(*range(1, 21)))
    filled.apply()
    assert not audience(sandbox)


def test_a_suppression_that_lacks_one_of_the_types_is_a_warning(shop: Shop) -> None:
    shop.activation(mapping={"mobile_ad_id": "idfa"})
    suppression(shop)
    found = shop.run("validate")
    assert "mobile_ad_id" in found.out + found.err
    assert "suppression-lacks-type" in found.out + found.err


def test_the_columns_of_a_suppression_are_looked_at_by_validate(shop: Shop) -> None:
    shop.activation()
    suppression(shop, sql="select emial from shop.people")
    found = shop.run("validate", code=3)
    assert "activations/no-consent.yaml" in found.out + found.err
    assert "emial" in found.out + found.err


# -- what is said of it ------------------------------------------------------------------------------------------------


def test_a_plan_with_a_permission_for_a_suppression_can_be_saved_and_applied(filled: Shop, sandbox: Sandbox) -> None:
    filled.remove("activations/no-consent.yaml")
    filled.run("plan", "--out", "plan.json", "--allow-suppression", "no-consent")
    filled.run("apply", "plan.json", "--yes")
    assert audience(sandbox) == hashes(*range(1, 21), *NAMED)


def test_a_plan_in_which_an_audience_waits_for_a_suppression_can_be_saved_and_applied(
    filled: Shop, sandbox: Sandbox
) -> None:
    filled.remove("activations/no-consent.yaml")
    filled.activation("other", name="Other")
    filled.run("plan", "--out", "plan.json", code=4)
    filled.run("apply", "plan.json", "--yes", code=4)
    assert [one.name for one in sandbox.segments()] == ["Loyal"]


def test_the_json_of_a_plan_tells_of_suppressions(filled: Shop) -> None:
    filled.people([*mail(*range(1, 20)), *never(20)])
    plan = filled.run("plan", "--format", "json").json
    [told] = plan["suppressions"]
    assert (told["name"], told["standing"], told["takes_effect"], told["entered"]) == ("no-consent", "applied", True, 1)
    [leaving] = plan["withdrawals"]
    assert (leaving["activation"], leaving["removed"], leaving["members_known"]) == ("loyal", {"email": 1}, True)
    [change] = plan["changes"]
    assert change["segment"]["suppressed"] == len(NAMED) + 1


def test_a_comment_on_a_pull_request_says_first_what_a_suppression_is_blocked_by(filled: Shop) -> None:
    filled.remove("activations/no-consent.yaml")
    out = filled.run("plan", "--format", "markdown", code=4).out
    caution = out.partition("[!CAUTION]")[2]
    assert "> - suppression `no-consent` is **blocked**: it is no longer declared" in caution


def test_a_comment_on_a_pull_request_says_what_leaves(filled: Shop) -> None:
    filled.people([*mail(*range(1, 20)), *never(20)])
    filled.activation(guardrails={"min_members": 1000})
    out = filled.run("plan", "--format", "markdown", code=4).out
    assert "suppression `no-consent`: names 11 identifiers: 1 entered, 0 left" in out
    assert "loyal: 1 identifier leaves, named by a suppression" in out


def test_status_tells_of_suppressions(filled: Shop) -> None:
    filled.people([*mail(*range(1, 20)), *never(20)])
    filled.run("sync")
    assert "1 audience and 1 suppression" in filled.run("status").out
    (line,) = [one for one in filled.run("status", "--all").out.splitlines() if "no-consent" in one]
    assert line.endswith("names 11 identifiers")
    assert "    names     11 identifiers" in filled.run("status", "--details").out
