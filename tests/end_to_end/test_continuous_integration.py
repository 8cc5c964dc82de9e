"""What continuous integration is told: annotations, and GitLab's counts."""

from __future__ import annotations

import json

from tests.end_to_end.shop import Shop, mail


def test_findings_are_annotated_from_the_repositorys_root(shop: Shop) -> None:
    shop.write("activations/bad.yaml", "kind: Activation\nid: bad\nsegmant: {name: Bad, sql: select 1}\n")
    workspace = str(shop.folder.parent)
    told = shop.run("validate", "--no-sources", "--format", "github", code=3, GITHUB_WORKSPACE=workspace)
    assert f"::error file={shop.folder.name}/activations/bad.yaml,line=3,col=1,endColumn=8,title=" in told.out
    assert "activations/bad.yaml:3:1: error[" in told.err
    assert "::error file=activations/bad.yaml,line=3" in shop.run("plan", "--format", "github", code=3).out


def test_a_plan_is_read_by_people_and_annotates_what_is_blocked(shop: Shop) -> None:
    shop.activation("loyal", guardrails={"min_members": 1000})
    told = shop.run("plan", "--format", "github", code=4).out
    assert "1 blocked (loyal)" in told
    assert "::error file=activations/loyal.yaml,line=1,col=" in told
    assert "title=loyal is blocked::" in told


def test_gitlab_is_told_how_many_are_made_changed_and_deleted(shop: Shop) -> None:
    shop.activation("loyal")
    shop.activation("leaving")
    shop.apply()
    shop.activation("new")
    shop.remove("activations/leaving.yaml")
    shop.people(mail(1, 2, 3, 4))
    shop.run("plan", "--prune", "--gitlab-report", "report.json")
    assert json.loads((shop.folder / "report.json").read_text()) == {"create": 1, "update": 1, "delete": 1}


def test_a_report_that_cannot_be_written_is_told_before_anything_is_planned(shop: Shop) -> None:
    told = shop.run("plan", "--gitlab-report", "nowhere/report.json", code=64, CRITEO_API_URL="http://127.0.0.1:1")
    assert "--gitlab-report nowhere/report.json" in told.err
