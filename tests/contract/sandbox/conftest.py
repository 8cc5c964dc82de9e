from __future__ import annotations

from collections.abc import Iterator

import pytest

from runner.sandbox import SandboxOptions
from tests.contract.sandbox.api import Api
from tests.sandbox_client import Sandbox, running


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with running(SandboxOptions(keep_identifiers=True)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """A sandbox with the default options that nothing has happened to."""
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    api = Api(sandbox)
    yield api
    api.session.close()
