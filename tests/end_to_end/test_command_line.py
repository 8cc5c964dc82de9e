"""What a person at the terminal meets: usage, credentials, network, secrets."""

from __future__ import annotations

import pytest

from runner.sources.registry import KINDS
from runner.starter import source_types
from tests.end_to_end.shop import Shop
from tests.sandbox_client import Sandbox

SECRET = "s3cr3t-that-must-not-be-seen"


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["--version"], []])
def test_help_and_version_are_no_errors(shop: Shop, arguments: list[str]) -> None:
    assert "headcount" in shop.run(*arguments).out.lower()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["plam"], "No such command"),
        (["plan", "--nope"], "No such option"),
        (["plan", "--var", "x"], "NAME=VALUE"),
        (["plan", "--today", "tomorrow"], "2026-11-24"),
        (["plan", "--select", "loyl"], 'did you mean "loyal"'),
        (["plan", "--allow-removals", "loyl"], 'did you mean "loyal"'),
        (["apply"], "--yes"),
        (["apply", "--format", "json"], "--yes"),
        (["sync", "--rebuild", "loyl"], "no"),
    ],
)
def test_wrong_usage_exits_with_64_and_says_what_to_do(shop: Shop, arguments: list[str], says: str) -> None:
    shop.activation()
    assert says in shop.run(*arguments, code=64).err


def test_invalid_files_exit_with_3_before_any_call(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation(shcedule="manual")
    for command in (["validate"], ["plan"], ["apply", "--yes"], ["sync"], ["status"]):
        assert 'did you mean "schedule"' in shop.run(*command, code=3).err
    assert sandbox.calls() == ()


@pytest.mark.parametrize("more", [(), ("--no-sources",)], ids=["with sources", "without"])
def test_a_source_called_memory_is_refused_with_and_without_its_data(shop: Shop, more: tuple[str, ...]) -> None:
    shop.write("activations/shop.yaml", (shop.folder / "activations/shop.yaml").read_text().replace("shop", "memory"))
    shop.activation(sql="select email from memory.people")
    assert "error[reserved-name]" in shop.run("validate", *more, code=3).err


def test_findings_are_also_data(shop: Shop) -> None:
    shop.activation(shcedule="manual")
    document = shop.run("validate", "--format", "json", code=3).json
    assert document["valid"] is False
    assert document["findings"][0]["location"]["file"] == "activations/loyal.yaml"


def test_a_folder_that_is_not_there_has_no_line_and_as_data_its_first(shop: Shop) -> None:
    assert shop.run("validate", "--dir", "nowhere", code=3).err.startswith("nowhere: error[no-folder]:")
    (found,) = shop.run("validate", "--dir", "nowhere", "--format", "json", code=3).json["findings"]
    assert found["location"] == {"file": "nowhere", "line": 1, "column": 1}


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"], ["sync"], ["accounts"]])
def test_whoever_asks_for_data_gets_findings_as_data(shop: Shop, command: list[str]) -> None:
    shop.activation(shcedule="manual")
    result = shop.run(*command, "--format", "json", code=3)
    assert result.json["kind"] == "findings"
    assert result.json["findings"][0]["code"] == "unknown-field"
    assert result.err == ""


def test_a_credential_that_is_not_set_is_data_too(shop: Shop) -> None:
    shop.activation()
    del shop.environment["CRITEO_CLIENT_SECRET"]
    assert shop.run("plan", "--format", "json", code=3).json["kind"] == "findings"


def test_resolved_settings_are_also_data(shop: Shop) -> None:
    shop.activation(guardrails={"min_members": 5})
    document = shop.run("validate", "--resolved", "loyal", "--format", "json").json
    settings = {setting["key"]: setting for setting in document["settings"]}
    assert settings["guardrails.min_members"]["value"] == "5"
    assert settings["guardrails.min_members"]["location"]["file"] == "activations/loyal.yaml"


def test_validate_points_into_sql(shop: Shop) -> None:
    shop.write("activations/bad.yaml", BAD_SQL)
    err = shop.run("validate", code=3).err
    assert "activations/bad.yaml:8:12: error" in err
    assert "emial" in err
    shop.run("validate", "--no-sources")


def test_resolved_settings_tell_where_they_come_from(shop: Shop) -> None:
    shop.activation(guardrails={"min_members": 5})
    out = shop.run("validate", "--resolved", "loyal").out
    lines = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert "activations/loyal.yaml" in lines["guardrails.min_members"]
    assert "activations/shop.yaml" in lines["mapping.email"]
    assert "built-in" in lines["guardrails.max_removed"]


def test_a_credential_that_is_not_set_is_a_finding_for_what_calls_criteo(shop: Shop) -> None:
    shop.activation()
    del shop.environment["CRITEO_CLIENT_SECRET"]
    shop.run("validate")
    assert "CRITEO_CLIENT_SECRET is not set" in shop.run("plan", code=3).err


def test_wrong_credentials_fail_with_criteos_words_and_never_show_the_secret(shop: Shop) -> None:
    shop.activation()
    result = shop.run("plan", "--verbose", code=1, CRITEO_CLIENT_SECRET=SECRET)
    assert "invalid_client" in result.out + result.err
    assert SECRET not in result.out + result.err


def test_an_account_that_the_credentials_cannot_use_is_answered_with_those_they_can(
    shop: Shop, sandbox: Sandbox
) -> None:
    text = (shop.folder / "activations/shop.yaml").read_text()
    shop.write("activations/shop.yaml", text.replace("12345", "99999"))
    shop.activation()
    result = shop.apply(code=1)
    assert "99999" in result.out
    assert "12345" in result.out
    assert "67890" in result.out
    assert sandbox.segments() == ()


def test_no_network_is_a_sentence(shop: Shop) -> None:
    shop.activation()
    result = shop.run("plan", code=1, CRITEO_API_URL="http://127.0.0.1:9", HEADCOUNT_RETRY_SECONDS="0")
    assert "127.0.0.1:9" in result.out


def test_where_no_sandbox_listens_it_is_asked_whether_one_runs(shop: Shop) -> None:
    shop.activation()
    result = shop.run("plan", code=1, CRITEO_API_URL="http://127.0.0.1:9", HEADCOUNT_RETRY_SECONDS="0")
    assert "-> is `headcount sandbox` running there?" in result.out


def test_the_sandboxs_credentials_are_never_sent_to_criteo(shop: Shop) -> None:
    shop.activation()
    result = shop.run("plan", code=1, CRITEO_API_URL="", HEADCOUNT_RETRY_SECONDS="0")
    assert "has the sandbox's credentials, and CRITEO_API_URL is not set" in result.out
    assert "-> set CRITEO_API_URL to where `headcount sandbox` listens" in result.out


class TestVariables:
    @pytest.fixture
    def templated(self, shop: Shop) -> Shop:
        shop.write("activations/project.yaml", "kind: Project\nvars: {kind: all}\n")
        shop.activation(
            sql="select email from shop.people where kind = '{{ var('kind') }}' and '{{ var('extra', 'x') }}' = 'x'"
        )
        return shop

    def test_that_nothing_declares_or_uses_are_wrong_usage(self, templated: Shop) -> None:
        err = templated.run("validate", "--var", "kinds=vip", code=64).err
        assert '--var sets "kinds", which no file declares or uses; did you mean "kind"?' in err
        assert '"extra", "kind"' in templated.run("plan", "--var", "zzz=1", code=64).err

    @pytest.mark.parametrize("pair", ["kind=vip", "extra=x"])
    def test_that_are_declared_or_only_used_are_set(self, templated: Shop, pair: str) -> None:
        templated.run("validate", "--var", pair)


def test_accounts_lists_what_the_credentials_may_use(shop: Shop) -> None:
    document = shop.run("accounts", "--format", "json").json
    assert [account["id"] for account in document["destinations"][0]["accounts"]] == ["12345", "67890"]
    assert "67890" in shop.run("accounts").out


def test_accounts_works_before_there_is_any_file(shop: Shop) -> None:
    assert "12345" in shop.run("accounts", "--dir", "nowhere").out


def test_secrets_are_in_no_file_of_the_state(shop: Shop, sandbox: Sandbox) -> None:
    shop.activation()
    shop.apply("--verbose")
    for path in shop.state_files():
        content = path.read_bytes()
        assert b"client_secret" not in content
    assert "Bearer" not in "".join(shop.outputs)


class TestInit:
    def test_the_starter_can_be_planned_and_applied_at_once(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.run("init", "--dir", "fresh/activations")
        shop.run("validate", "--dir", "fresh/activations")
        shop.run("apply", "--yes", "--dir", "fresh/activations")
        assert [segment.name for segment in sandbox.segments()] == ["Recent buyers"]

    @pytest.mark.parametrize("source", source_types())
    def test_each_kind_of_source_has_a_starter_that_is_valid(self, shop: Shop, source: str) -> None:
        out = shop.run("init", "--source", source, "--dir", "fresh/activations").out
        shop.run("validate", "--no-sources", "--dir", "fresh/activations")
        written = (shop.folder / "fresh/activations/source.yaml").read_text()
        assert f"type: {source}\n" in written
        assert (shop.folder / "fresh/data").exists() == (source == "files")
        assert ("headcount doctor --dir fresh/activations" in out) == (source != "files")

    def test_every_kind_of_source_has_a_starter(self) -> None:
        assert set(source_types()) == set(KINDS)

    def test_another_kind_of_source_is_refused(self, shop: Shop) -> None:
        said = shop.run("init", "--source", "oracle", code=64).err
        assert 'there is no source of type "oracle"' in said
        assert "postgres" in said
        assert not (shop.folder / "activations/source.yaml").exists()

    def test_it_overwrites_nothing(self, shop: Shop) -> None:
        shop.write("activations/source.yaml", "mine")
        assert "exists already" in shop.run("init", code=64).err
        assert (shop.folder / "activations/source.yaml").read_text() == "mine"
        assert not (shop.folder / "activations/destination.yaml").exists()

    def test_data_that_is_there_is_kept_and_the_sample_has_another_name(self, shop: Shop, sandbox: Sandbox) -> None:
        shop.write("fresh/data/customers.csv", "id;name\n1;mine\n")
        out = shop.run("init", "--dir", "fresh/activations").out
        assert "kept fresh/data/customers.csv, which was there" in out
        assert "wrote fresh/data/sample-customers.csv" in out
        assert (shop.folder / "fresh/data/customers.csv").read_text() == "id;name\n1;mine\n"
        shop.run("validate", "--dir", "fresh/activations")
        shop.run("apply", "--yes", "--dir", "fresh/activations")
        assert [segment.name for segment in sandbox.segments()] == ["Recent buyers"]

    def test_sample_data_of_both_names_are_not_overwritten(self, shop: Shop) -> None:
        shop.write("fresh/data/customers.csv", "mine")
        shop.write("fresh/data/sample-customers.csv", "mine too")
        result = shop.run("init", "--dir", "fresh/activations", code=64)
        assert "fresh/data/sample-customers.csv exists already; nothing was written" in result.err
        assert not (shop.folder / "fresh/activations").exists()

    def test_without_a_sample_it_is_valid_but_for_the_data(self, shop: Shop) -> None:
        out = shop.run("init", "--no-sample", "--dir", "fresh/activations").out
        assert "headcount validate --dir fresh/activations" in out
        assert not (shop.folder / "fresh/data").exists()
        shop.run("validate", "--no-sources", "--dir", "fresh/activations")
        assert "customers.csv" in shop.run("validate", "--dir", "fresh/activations", code=3).err

    def test_git_does_not_keep_the_state(self, shop: Shop) -> None:
        shop.git("init", "-q", "fresh")
        shop.run("init", "--dir", "fresh/activations")
        shop.run("apply", "--yes", "--dir", "fresh/activations")
        assert (shop.folder / "fresh/.headcount/state.db").exists()
        assert ".headcount" not in shop.git("-C", "fresh", "status", "--porcelain", "--untracked-files=all")

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("", ".headcount/\n"),
            ("*.log", "*.log\n.headcount/\n"),
            ("*.log\n", "*.log\n.headcount/\n"),
            ("/.headcount/\n*.log\n", "/.headcount/\n*.log\n"),
            (".headcount\r\n", ".headcount\r\n"),
        ],
    )
    def test_the_state_is_added_to_a_gitignore_that_does_not_name_it(self, shop: Shop, before: str, after: str) -> None:
        ignored = shop.folder / "fresh/.gitignore"
        ignored.parent.mkdir()
        ignored.write_bytes(before.encode())
        out = shop.run("init", "--dir", "fresh/activations").out
        assert ignored.read_bytes() == after.encode()
        assert ("added .headcount/ to fresh/.gitignore" in out) == (before != after)

    def test_a_gitignore_that_cannot_be_written_leaves_nothing_behind(self, shop: Shop) -> None:
        (shop.folder / "fresh/.gitignore").mkdir(parents=True)
        result = shop.run("init", "--dir", "fresh/activations", code=1)
        assert "cannot write fresh/.gitignore: Is a directory; nothing was written" in result.err
        assert [path.name for path in (shop.folder / "fresh").iterdir()] == [".gitignore"]

    def test_what_stands_in_the_way_is_named_by_a_file_that_can_be_seen(self, shop: Shop) -> None:
        shop.run("init", "--dir", "fresh/activations")
        (shop.folder / "fresh/activations/source.yaml").unlink()
        assert "destination.yaml exists already" in shop.run("init", "--dir", "fresh/activations", code=64).err

    def test_the_schemas_are_among_what_it_says_it_wrote(self, shop: Shop) -> None:
        assert "fresh/activations/.schemas/" in shop.run("init", "--dir", "fresh/activations").out

    def test_it_leaves_nothing_behind_where_it_cannot_write(self, shop: Shop) -> None:
        shop.write("blocked/data", "a file where a folder should go")
        result = shop.run("init", "--dir", "blocked/activations", code=1)
        assert "error: cannot write blocked/data/customers.csv: Not a directory; nothing was written" in result.err
        assert "--dir" in result.err
        assert [path.name for path in (shop.folder / "blocked").iterdir()] == ["data"]

    def test_the_starter_can_be_planned_for_another_day(self, shop: Shop) -> None:
        shop.run("init", "--dir", "fresh/activations")
        plan = shop.run("plan", "--dir", "fresh/activations", "--today", "2020-01-01", "--format", "json").json
        later = shop.run("plan", "--dir", "fresh/activations", "--today", "2090-01-01", "--format", "json", code=4).json
        assert plan["changes"][0]["segment"]["people"] > later["changes"][0]["segment"]["people"]


class TestTheProjectsFolderInsteadOfItsFiles:
    @pytest.mark.parametrize("command", ["validate", "plan", "sync", "status", "history"])
    def test_is_refused(self, shop: Shop, sandbox: Sandbox, command: str) -> None:
        shop.activation()
        assert "did you mean --dir activations?" in shop.run(command, "--dir", ".", code=64).err
        assert sandbox.calls() == ()

    def test_is_refused_when_its_state_gives_it_away(self, shop: Shop) -> None:
        shop.activation()
        shop.apply()
        shop.write("ci.yaml", "on: push")
        shop.activation("news")
        assert "did you mean --dir activations?" in shop.run("plan", "--dir", ".", code=64).err


BAD_SQL = """\
kind: Activation
id: bad
segment:
  name: Bad
  sql: |
    -- who
    -- is it
    select emial
    from shop.people
mapping: {email: email}
"""


def test_a_bug_of_ours_is_told_by_kind_and_place_and_never_by_what_it_says(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError(SECRET)

    shop.activation()
    monkeypatch.setattr("runner.workflows.make_plan.make_plan", broken)
    result = shop.run("plan", code=1)
    assert "ZeroDivisionError at test_command_line.py:" in result.err
    assert "HEADCOUNT_DEBUG=1" in result.err
    assert SECRET not in result.err


def test_findings_do_not_come_in_rounds(shop: Shop) -> None:
    shop.activation("misspelt", shcedule="manual")
    shop.activation("unknown", destination="nowhere")
    shop.activation("mistaken", sql="select emial from shop.people")
    shop.write("activations/other.yaml", "kind: Source\nname: other\ntype: files\ntables: {gone: ../data/gone.csv}\n")
    shop.activation("reads-gone", sql="select email from other.gone")
    found = shop.run("validate", "--format", "json", code=3).json["findings"]
    assert sorted(one["code"] for one in found) == [
        "no-source-file",
        "sql-unknown-column",
        "unknown-destination",
        "unknown-field",
    ]


@pytest.mark.parametrize("command", ["plan", "sync", "status"])
def test_a_bare_id_where_none_is_taken_is_told_how_an_activation_is_chosen(shop: Shop, command: str) -> None:
    refused = shop.run(command, "loyal", code=64)
    assert "unexpected extra argument" in refused.err
    assert refused.err.endswith("  -> an activation is chosen with --select loyal\n")
    assert "--select" not in shop.run("history", "loyal", "lapsed", code=64).err
