"""The contract of a destination, held against Criteo's client over HTTP and against the fake of the unit tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from runner.core.destination import DestinationClient
from runner.destinations.criteo.api_client import Transport
from runner.destinations.criteo.connect import connect
from runner.sandbox import SandboxOptions
from tests.builders import SANDBOX, destination
from tests.contract.destination_contract import EMAIL, DestinationContract
from tests.fakes.destination import FakeDestination
from tests.sandbox_client import Sandbox, running


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[Sandbox]:
    with running(SandboxOptions()) as sandbox:
        yield sandbox


class TestCriteo(DestinationContract):
    @pytest.fixture
    def sandbox(self, shared_sandbox: Sandbox) -> Sandbox:
        shared_sandbox.reset()
        return shared_sandbox

    @pytest.fixture
    def client(self, sandbox: Sandbox) -> Iterator[DestinationClient]:
        client = connect(
            destination(credentials=SANDBOX), environ={"CRITEO_API_URL": sandbox.url}, transport=Transport()
        )
        yield client
        client.close()

    @pytest.fixture
    def members(self, sandbox: Sandbox) -> Callable[[str], set[str]]:
        return lambda audience_id: sandbox.members(audience_id, "email")


class TestFake(DestinationContract):
    @pytest.fixture
    def client(self) -> FakeDestination:
        return FakeDestination()

    @pytest.fixture
    def members(self, client: FakeDestination) -> Callable[[str], set[str]]:
        return lambda audience_id: {one for kind, one in client.members[audience_id] if kind is EMAIL}
