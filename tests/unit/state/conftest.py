"""A state in a temporary folder or in a bucket, and the Parquet files that an engine would write into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from runner.core.destination import Accepted
from runner.core.identifiers import IdentifierType, Operation
from runner.core.membership import Batch, SettledMembership
from runner.core.records import Definition
from runner.state import open_folder
from runner.state.remote.bucket_backing import backing_at
from runner.state.store import StateStore
from tests.object_store import ObjectStore, running_store
from tests.plain_duckdb import plain

AT = datetime(2026, 11, 24, 6, 30, 15, 250_000, tzinfo=UTC)
EVERYWHERE = pytest.mark.parametrize("place", ["folder", "bucket"], indirect=True)
"""For tests of what every state must do, wherever it is."""
LATER = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
EMAIL = IdentifierType.EMAIL
PHONE = IdentifierType.PHONE_NUMBER
DEFINITION = Definition(
    "Loyal", "Ten baskets", {"email": "mail"}, "fingerprint", options={"gum_caller_id": 5}, protect=True
)
BATCHES = (
    Batch(0, Operation.REMOVE, EMAIL, 2),
    Batch(1, Operation.ADD, EMAIL, 3),
    Batch(2, Operation.ADD, PHONE, 1),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the state will be; it does not exist yet."""
    return tmp_path / "project" / ".headcount"


@pytest.fixture(scope="session")
def store() -> Iterator[ObjectStore]:
    with running_store() as running:
        yield running


@pytest.fixture
def bucket(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """The location of a state in a bucket of its own."""
    for name, value in store.environment().items():
        monkeypatch.setenv(name, value)
    store.calls.clear()
    return store.make_bucket(f"b{uuid4().hex}")


@pytest.fixture
def place(request: pytest.FixtureRequest) -> str:
    """Where the state is: in a folder, unless the test says otherwise."""
    return getattr(request, "param", "folder")


@pytest.fixture
def open_state(
    place: str, folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[], StateStore]]:
    """Opens the state as another process would; whatever was opened is closed at the end."""
    opened: list[StateStore] = []
    location = "" if place == "folder" else request.getfixturevalue("bucket")

    def open_one() -> StateStore:
        if location:
            cache = {"HEADCOUNT_CACHE": str(tmp_path / "cache")}
            opened.append(StateStore(backing_at(location, cache, lambda: AT, fresh=-1.0)))
        else:
            opened.append(open_folder(folder, clock=lambda: AT))
        return opened[-1]

    yield open_one
    for state in opened:
        state.close()


@pytest.fixture
def state(open_state: Callable[[], StateStore]) -> StateStore:
    return open_state()


def intend(state: StateStore, activation: str = "loyal", account: str = "12345") -> int:
    """An audience about to be created."""
    return state.intend(activation, "criteo-fr", "criteo", account, DEFINITION, AT)


def write_members(path: Path, count: int = 3) -> None:
    """A membership file with the columns of runner.core.membership.MembershipFiles."""
    _copy(f"select 'email' as identifier_type, encode('m' || range) as identifier, false as unknown "
          f"from range({count})", path)  # fmt: skip


def write_outbox(path: Path, batches: tuple[Batch, ...] = BATCHES) -> None:
    """A delta file with the columns of runner.core.membership.MembershipFiles."""
    rows = ", ".join(
        f"({batch.number}::integer, '{batch.operation}', '{batch.identifier_type}', encode('{batch.number}-{index}'))"
        for batch in batches
        for index in range(batch.identifiers)
    )
    _copy(f"select * from (values {rows}) as t(batch, operation, identifier_type, identifier)", path)


def rows(path: Path) -> int:
    with plain() as connection:
        return connection.execute("select count(*) from read_parquet(?)", [str(path)]).fetchone()[0]


def _copy(query: str, path: Path) -> None:
    with plain() as connection:
        connection.execute(f"copy ({query}) to '{path}' (format parquet, compression zstd)")


def begin_delta(state: StateStore, key: int, batches: tuple[Batch, ...] = BATCHES) -> Path:
    """A delta that has been written and opened."""
    paths = []

    def write(path: Path) -> tuple[Batch, ...]:
        paths.append(path)
        write_outbox(path, batches)
        return batches

    assert state.open_delta(key, write) == batches
    return paths[0]


def send(state: StateStore, key: int, number: int, invalid: int = 0) -> None:
    state.mark_in_flight(key, number)
    state.mark_taken(key, number, Accepted(valid=1, invalid=invalid))


def end_delta(state: StateStore, key: int, count: int = 3, *, changes_only: bool = False) -> Path:
    """A membership that has been written and is the current one now."""
    paths = []

    def write(path: Path) -> SettledMembership:
        paths.append(path)
        write_members(path, count)
        return SettledMembership({EMAIL: count}, {}, changes_only)

    state.close_delta(key, write)
    return paths[0]


def files(folder: Path) -> set[str]:
    """Every file below a folder, but for the second name of the database, which is another each time."""
    paths = (path for path in folder.rglob("*") if path.is_file() and ".second-" not in path.name)
    return {path.relative_to(folder).as_posix() for path in paths}
