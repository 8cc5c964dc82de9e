"""JSON documents match their published schemas."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from runner.config import schema_folder
from runner.core.checks import Check, Verdict
from runner.core.destination import AdAccount
from runner.core.findings import Finding
from runner.core.identifiers import IdentifierType
from runner.core.membership import Rejected, TypeDelta
from runner.core.project import Schedule, Setting, Source, Suppression, SuppressionLimits
from runner.core.records import Action, ActivationRun, LastRun, Latest, Outcome, Run, Unfinished
from runner.core.segment_test import SegmentTest, Subject
from runner.planfile.plan_document import saved_plan_document
from runner.planning.blocks import Block
from runner.planning.overlap import Overlap, SharedWith
from runner.planning.plan import FieldChange
from runner.reports import json_documents
from runner.reports.doctor_report import doctor_document
from runner.reports.preview_report import preview_document
from runner.reports.show_report import Shown, shown_document
from runner.reports.test_report import results_document
from runner.workflows.apply import Applied
from runner.workflows.preview import Preview
from runner.workflows.run_tests import SegmentTestResult
from runner.workflows.status import ActivationStatus, Condition
from runner.workflows.sync import Skipped, Synced
from tests.builders import EMAIL, HERE, NOON, activation, applied, change, delta, evaluation, plan

PLAN = plan(
    change("new", intended=Action.CREATE, reasons=("new",), evaluation=evaluation()),
    change(
        "lapsed",
        intended=Action.SYNC,
        audience_id="7",
        fields=(FieldChange("name", "a", "b", drift=True),),
        delta=delta(email=TypeDelta(10, 0, 0, 10, 1)),
        evaluation=evaluation(0, (Rejected(IdentifierType.EMAIL, "malformed", 2),)),
        blocks=(Block("empty_segment", "all would be removed", "--allow-removals lapsed"),),
    ),
    change("broken", intended=Action.FAILED, error="no such table", hint="write another"),
)
RUN = ActivationRun("new", "create", Outcome.DONE, 10, 0, 1, 0, 10, 0.5, "new")
APPLIED = Applied(PLAN, (RUN,), approved=True)

SUPPRESSION = Suppression(
    "no-consent", "withdrew", activation().segment, {EMAIL: ("email",)}, None, Schedule(), SuppressionLimits(), HERE
)
TEST = SegmentTest("lapsed", Subject.ACTIVATION, "loyal", HERE, HERE, None, (), (), None)

DOCUMENTS: dict[str, dict[str, Any]] = {
    "plan": json_documents.plan_document(PLAN),
    "saved-plan": saved_plan_document(PLAN),
    "run": json_documents.run_document("apply", APPLIED),
    "status": json_documents.status_document(
        (
            ActivationStatus("new", Condition.NOT_APPLIED, "shop", "12345", "New", activation("new")),
            ActivationStatus(
                "loyal", Condition.APPLIED, "shop", "12345", "Loyal", activation(),
                applied(activation(), "7", members={EMAIL: 3}, unfinished=Unfinished(3, 1, 1)),
                Latest(run=LastRun(NOON, Outcome.DONE, "")), next_due=NOON + timedelta(hours=6),
            ),
        )
    ),
    "history": json_documents.history_document((Run(1, "apply", NOON, None, (RUN,)), Run(2, "sync", NOON, NOON))),
    "accounts": json_documents.accounts_document({"shop": (AdAccount("12345", "Corner Shop"),)}),
    "resolved": json_documents.resolved_document(
        activation(settings=(Setting("protect", "false", None), Setting("mapping.email", "email", HERE)))
    ),
    "show": shown_document(
        Shown(
            activation(settings=(Setting("protect", "false", None), Setting("mapping.email", "email", HERE))),
            (Source("shop", "files", HERE),),
            NOON.date(),
            (SUPPRESSION,),
        )
    ),
    "preview": preview_document(
        Preview(
            activation(),
            evaluation(30, (Rejected(IdentifierType.EMAIL, "malformed", 2),)),
            {EMAIL: 30},
            Overlap((SharedWith("regulars", 12, 30),), compared=3, too_late=1),
            delta(email=TypeDelta(10, 30, 20, 0)),
        )
    ),
    "test-run": results_document(
        (
            SegmentTestResult(TEST, ("email",), 1, 1, (("ann@x",),), ((None,),)),
            SegmentTestResult(TEST, findings=(Finding(HERE, "test-value", "no date"),)),
        )
    ),
    "doctor": doctor_document((Check("account", "shop", Verdict.WRONG, "may not be used", "use another"),)),
    "findings": json_documents.findings_document((Finding(HERE, "unknown-field", "unknown field"),)),
}  # fmt: skip


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((schema_folder() / f"{name}.schema.json").read_text())
    return loaded


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_matches_its_schema(name: str) -> None:
    jsonschema.Draft7Validator(schema(name)).validate(json.loads(json.dumps(DOCUMENTS[name])))


def test_a_sync_document_is_a_run_that_names_whom_it_skipped() -> None:
    document = json_documents.sync_document(Synced(APPLIED, (Skipped("loyal", "not applied yet"),)))
    jsonschema.Draft7Validator(schema("run")).validate(document)
    assert document["skipped"] == [{"activation": "loyal", "reason": "not applied yet"}]


def properties(node: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    found = []
    if isinstance(node, dict):
        for key, value in node.get("properties", {}).items() if isinstance(node.get("properties"), dict) else ():
            found.append((f"{path}.{key}", value))
        for key, value in node.items():
            found += properties(value, f"{path}.{key}") if key != "if" else []
    if isinstance(node, list):
        for index, value in enumerate(node):
            found += properties(value, f"{path}[{index}]")
    return found


@pytest.mark.parametrize("path", sorted(schema_folder().glob("*.schema.json")), ids=lambda path: Path(path).name)
def test_every_property_of_every_schema_is_described(path: Path) -> None:
    missing = [where for where, node in properties(json.loads(path.read_text())) if not _described(node)]
    assert missing == []


def _described(node: dict[str, Any]) -> bool:
    return "$ref" in node or "description" in node
