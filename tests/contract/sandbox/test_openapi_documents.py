"""The checker that every answer in these tests goes through, and the list of what the sandbox serves."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.routing import Route

from runner.sandbox import SandboxOptions
from runner.sandbox.api import marketing_solutions_api, retail_media_api
from runner.sandbox.world.world import World
from tests.contract.sandbox import openapi
from tests.contract.sandbox.api import SEGMENTS, Api

pytestmark = pytest.mark.skipif(not openapi.available(), reason="Criteo's OpenAPI documents are not there")


def _plain(path: str) -> str:
    """A path as it is when nobody cares what its parameters are called."""
    return re.sub(r"\{[^}]+\}", "{}", path)


def test_every_route_is_one_that_criteo_documents() -> None:
    world = World(SandboxOptions())
    served = {
        (method.lower(), _plain(route.path.replace("{version}", "2026-07")))
        for route in [*marketing_solutions_api.routes(world), *retail_media_api.routes(world)]
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    known = {(method, _plain(path)) for method, path in openapi.operations("/2026-07/")}
    assert served <= known
    audiences = {(method, path) for method, path in known if "/audience-segments" in path or path.endswith("/me")}
    left_out = {path.rpartition("/")[2] for _, path in audiences - served}
    assert left_out == {"in-market-brands", "in-market-interests"}


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        ({"contactListId": "270157"}, "is not of type"),
        ({"operation": None}, "is not of type"),
        ({"requestDate": "yesterday"}, "date-time"),
        ({"requestDate": "2026-11-24T06:44:14"}, "date-time"),
        ({"nbAdded": 1}, "nbAdded"),
    ],
)
def test_the_checker_finds_what_is_wrong(api: Api, spoil: dict[str, Any], complaint: str) -> None:
    segment_id = api.create("a")
    answer = api.amend(segment_id, "add", ["a@example.com"]).json()
    path = f"{SEGMENTS}/{segment_id}/contact-list"
    assert openapi.complaints("PATCH", path, 200, answer) == []
    answer["data"]["attributes"] |= spoil
    (found,) = openapi.complaints("PATCH", path, 200, answer)
    assert complaint in found


def test_the_checker_misses_what_is_required(api: Api) -> None:
    path = f"{SEGMENTS}/{api.create('a')}/contact-list"
    answer = {"data": {"type": "ContactlistAmendment", "attributes": {"operation": "add"}}, "errors": []}
    assert "'warnings' is a required property" in "".join(openapi.complaints("PATCH", path, 200, answer))
    refused = {"errors": [{"type": "validation", "code": "audience-invalid"}]}
    assert "'instance' is a required property" in "".join(openapi.complaints("PATCH", path, 404, refused))
