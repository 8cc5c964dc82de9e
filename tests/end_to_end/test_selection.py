"""Selecting by tag, owner, file and what has changed in git, through the command line."""

from __future__ import annotations

import pytest

from tests.end_to_end.shop import Shop
from tests.sandbox_client import Sandbox


def planned(shop: Shop, *arguments: str, code: int | None = 0) -> set[str]:
    """The ids that a plan with these options looks at."""
    return set(shop.plan(*arguments, code=code))


@pytest.fixture
def three(shop: Shop) -> Shop:
    shop.activation("loyal", tags=["fr", "vip"], owner="crm")
    shop.activation("lapsed", tags=["fr"], owner="growth")
    shop.write("activations/sql/shared.sql", "select email from shop.people where kind <> 'canary'\n")
    shop.write("activations/new.yaml", "kind: Activation\nid: new\nsegment: {name: New, file: sql/shared.sql}\n")
    return shop


class TestPatterns:
    @pytest.mark.parametrize(
        ("options", "ids"),
        [
            (["--select", "tag:fr"], {"loyal", "lapsed"}),
            (["--select", "tag:fr", "--exclude", "tag:vip"], {"lapsed"}),
            (["--exclude", "owner:*"], {"new"}),
            (["--select", "owner:crm", "--select", "new"], {"loyal", "new"}),
            (["--select", "path:activations/sql"], {"new"}),
            (["--select", "path:new.yaml"], {"new"}),
            (["--exclude", "destination:*"], set()),
        ],
    )
    def test_choose_what_is_planned(self, three: Shop, options: list[str], ids: set[str]) -> None:
        assert planned(three, *options) == ids

    @pytest.mark.parametrize(
        "command", [["plan"], ["apply", "--yes"], ["sync"], ["status"], ["schedule"], ["validate"]]
    )
    def test_that_mean_nothing_are_wrong_usage_everywhere(self, three: Shop, command: list[str]) -> None:
        assert 'did you mean "tag:vip"' in three.run(*command, "--exclude", "tag:vipp", code=64).err

    def test_choose_what_is_applied_synced_and_shown(self, three: Shop, sandbox: Sandbox) -> None:
        three.apply("--select", "tag:fr", "--exclude", "lapsed")
        assert [segment.name for segment in sandbox.segments()] == ["Loyal"]
        rows = three.run("status", "--select", "owner:crm", "--format", "json").json["activations"]
        assert [(row["activation"], row["tags"], row["owner"]) for row in rows] == [("loyal", ["fr", "vip"], "crm")]
        assert "owner     crm, tag:fr, tag:vip" in three.run("status", "--details").out
        assert three.run("sync", "--exclude", "tag:fr", "--format", "json", code=7).json["activations"] == []

    def test_a_tag_changes_nothing_in_criteo(self, three: Shop) -> None:
        three.apply()
        three.activation("loyal", tags=["de"], owner="somebody else")
        assert three.plan()["loyal"]["action"] == "unchanged"

    def test_the_destinations_defaults_count_too(self, three: Shop) -> None:
        text = (three.folder / "activations/shop.yaml").read_text()
        three.write("activations/shop.yaml", f"{text}  tags: [all]\n  owner: team\n")
        three.activation("alone", tags=None, owner=None)
        assert planned(three, "--select", "tag:all") == {"loyal", "lapsed", "new"}
        assert planned(three, "--select", "owner:team") == {"new"}
        resolved = three.run("validate", "--resolved", "loyal", "--format", "json").json["settings"]
        assert {"tags": "all, fr, vip", "owner": "crm"}.items() <= {
            one["key"]: one["value"] for one in resolved
        }.items()

    def test_an_orphan_goes_by_the_name_that_its_account_has_now(self, three: Shop) -> None:
        three.apply()
        three.remove("activations/new.yaml")
        text = (three.folder / "activations/shop.yaml").read_text().replace("name: criteo\n", "name: renamed\n")
        three.write("activations/shop.yaml", text)
        assert three.plan("--select", "destination:renamed", "--prune")["new"]["action"] == "delete"

    def test_a_broken_segment_that_is_left_out_is_no_finding_against_the_data(self, three: Shop) -> None:
        three.activation("lapsed", sql="select nothing from shop.people")
        three.run("validate", code=3)
        three.run("validate", "--exclude", "lapsed")


class TestChangedSince:
    @pytest.fixture
    def committed(self, three: Shop) -> Shop:
        three.apply()
        three.write(".gitignore", ".headcount/\ndata/\n")
        three.git("init", "-q", "-b", "main")
        three.git("add", ".")
        three.git("commit", "-qm", "first")
        return three

    def changed(self, shop: Shop, *options: str) -> set[str]:
        return planned(shop, "--changed-since", "main", *options, code=None)

    def test_nothing_has_changed(self, committed: Shop) -> None:
        assert self.changed(committed) == set()

    def test_a_changed_file_counts_committed_or_not(self, committed: Shop) -> None:
        committed.activation("loyal", name="Other")
        assert self.changed(committed) == {"loyal"}
        committed.git("switch", "-qc", "work")
        committed.git("commit", "-qam", "second")
        assert self.changed(committed) == {"loyal"}
        assert self.changed(committed, "--exclude", "loyal") == set()

    def test_a_new_file_counts(self, committed: Shop) -> None:
        committed.activation("newer")
        assert self.changed(committed) == {"newer"}

    def test_what_depends_on_a_changed_file_counts(self, committed: Shop) -> None:
        committed.write("activations/sql/shared.sql", "select email from shop.people where kind = 'all'\n")
        assert self.changed(committed) == {"new"}

    def test_a_destination_or_a_source_concerns_whoever_uses_it(self, committed: Shop) -> None:
        path = committed.folder / "activations/shop.yaml"
        path.write_text(path.read_text() + "# a remark\n")
        assert self.changed(committed) == {"loyal", "lapsed", "new"}

    def test_an_activation_that_is_gone_has_changed(self, committed: Shop) -> None:
        committed.remove("activations/new.yaml")
        assert self.changed(committed, "--prune") == {"new"}

    def test_a_commit_on_the_other_branch_does_not_count(self, committed: Shop) -> None:
        committed.git("switch", "-qc", "work")
        committed.git("switch", "-q", "main")
        committed.activation("loyal", name="Other")
        committed.git("commit", "-qam", "meanwhile")
        committed.git("switch", "-q", "work")
        assert self.changed(committed) == set()

    @pytest.mark.parametrize("reference", ["nowhere", "--output=x", "main:activations"])
    def test_an_unknown_commit_is_wrong_usage(self, committed: Shop, reference: str) -> None:
        err = committed.run("plan", f"--changed-since={reference}", code=64).err
        assert "names no commit" in err
        assert "fetch-depth: 0" in err
        assert not (committed.folder / "x").exists()

    def test_outside_of_a_repository_it_is_wrong_usage(self, three: Shop) -> None:
        assert "git repository" in three.run("plan", "--changed-since", "main", code=64).err

    def test_without_git_it_is_wrong_usage(self, committed: Shop) -> None:
        assert "not installed" in committed.run("plan", "--changed-since", "main", code=64, PATH="/nowhere").err
