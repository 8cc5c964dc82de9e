"""People in a bucket: read from there, in part, pinned to what was listed, and left on no disk."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from threading import Event
from uuid import uuid4

import pytest

from tests.end_to_end.shop import CANARY, Shop, hashes
from tests.object_store import ObjectStore, running_store
from tests.other_clouds import running_cloud
from tests.plain_duckdb import plain
from tests.sandbox_client import Sandbox

LIBRARY_WORDS = ("Generic", "RetryError", "Error performing", "Traceback", "<Code>")


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with running_store() as running:
        yield running


class Lake:
    """A bucket of one test, and the source `lake` of a shop that reads it."""

    def __init__(self, shop: Shop, store: ObjectStore, folder: Path) -> None:
        self.shop, self.store, self.folder = shop, store, folder
        self.bucket = f"lake-{uuid4().hex}"
        self.root = store.make_bucket(self.bucket)
        shop.environment.update(store.environment())
        shop.activation(sql="select email from lake.people where email not like 'canary%'")
        store.calls.clear()
        store.sent.clear()

    def declare(self, path: object) -> None:
        """Declare the table `people` as this, `{root}` being the bucket's."""
        table = json.dumps(path).replace("{root}", self.root)
        self.shop.write("activations/lake.yaml", f"kind: Source\nname: lake\ntype: files\ntables:\n  people: {table}\n")

    def content(self, rows: str, suffix: str = ".parquet", options: str = "") -> bytes:
        """A file of the rows that a select gives."""
        file = self.folder / f"{uuid4().hex}{suffix}"
        plain().execute(f"copy ({rows}) to '{file}' {options}")
        found = file.read_bytes()
        file.unlink()
        return found

    def people(self, name: str, *numbers: int, suffix: str = ".parquet") -> None:
        """Put an object with the canary and made-up people, by number."""
        values = ", ".join(f"('{mail}')" for mail in (CANARY, *(f"person-{one}@shop.example" for one in numbers)))
        self.put(name, self.content(f"select * from (values {values}) t(email)", suffix))

    def put(self, name: str, content: bytes) -> None:
        self.store.put(self.bucket, f"project/{name}", content)

    def failed(self, **environment: str) -> str:
        """What a plan says of the one activation, which cannot be evaluated; no library's word is in that."""
        result = self.shop.run("plan", "--format", "json", code=1, **environment)
        assert not any(word in result.out + result.err for word in LIBRARY_WORDS)
        (change,) = result.json["changes"]
        return str(change["error"])

    def found(self, code: int, *arguments: str, **environment: str) -> str:
        """What validate says of the files."""
        result = self.shop.run("validate", *arguments, code=code, **environment)
        assert not any(word in result.out + result.err for word in LIBRARY_WORDS)
        return result.err


@pytest.fixture
def lake(shop: Shop, store: ObjectStore, tmp_path: Path) -> Lake:
    return Lake(shop, store, tmp_path)


def members(sandbox: Sandbox) -> set[str]:
    return sandbox.members(sandbox.segment("Loyal").id, "email")


# -- what is read ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_an_object_whose_name_is_a_pattern_is_read_and_no_other(lake: Lake, sandbox: Sandbox, suffix: str) -> None:
    lake.people(f"a/c[1]*{suffix}", 1, 2, suffix=suffix)
    lake.people(f"a/c1x{suffix}", 3, suffix=suffix)
    lake.declare(f"{{root}}/a/c[[]1][*]{suffix}")
    lake.shop.apply()
    assert members(sandbox) == hashes(1, 2)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".csv.gz", ".json", ".jsonl.zst"])
def test_people_of_each_format_become_an_audience(lake: Lake, sandbox: Sandbox, suffix: str) -> None:
    lake.people(f"one{suffix}", 1, 2, suffix=suffix)
    lake.people(f"two{suffix}", 2, 3, suffix=suffix)
    lake.declare(["{root}/one" + suffix, "{root}/two*"])

    lake.shop.apply()

    assert members(sandbox) == hashes(1, 2, 3)


@pytest.mark.slow
def test_a_pattern_means_what_it_means_on_a_disk_among_ten_thousand_names(lake: Lake, sandbox: Sandbox) -> None:
    content = lake.content("select 'nobody@shop.example' as email", ".csv")
    lake.store.put_many(lake.bucket, {f"project/day={n}/part {n}.csv": content for n in range(10_000)})
    lake.people("day=8000/part 8000.csv", 1, suffix=".csv")
    lake.people("day=8001/[a].csv", 2, suffix=".csv")
    lake.people("day=8001/.part 8000.csv", 3, suffix=".csv")
    lake.people("day=8001/deeper/part 8000.csv", 4, suffix=".csv")
    lake.declare(["{root}/day=*/part 8000.csv", "{root}/*/[[]a].csv"])

    lake.shop.apply()

    assert members(sandbox) == hashes(1, 2)
    assert {name for name, _ in lake.store.sent} == {"day=8000/part 8000.csv", "day=8001/[a].csv"}


def test_only_the_columns_and_row_groups_that_are_needed_are_fetched(lake: Lake, sandbox: Sandbox) -> None:
    columns = "format('person-{}@shop.example', i) as email, i, md5(random()::varchar) as pad"
    rows = f"select {columns} from range(400000) t(i)"
    content = lake.content(rows, options="(row_group_size 20000)")
    lake.put("wide.parquet", content)
    lake.declare("{root}/wide.parquet")
    lake.shop.activation(sql="select email from lake.people where i < 1000")
    lake.store.sent.clear()

    lake.shop.apply()

    assert len(members(sandbox)) == 1000
    assert len(content) > 10_000_000
    assert sum(size for _, size in lake.store.sent) < len(content) / 10


@pytest.mark.slow
def test_a_text_object_is_fetched_once_for_all_segments_that_read_it(lake: Lake) -> None:
    people = lake.content("select format('person-{}@shop.example', i) as email, i from range(9000) t(i)", ".csv")
    lake.put("people.csv", people)
    lake.put("few.csv", b"i\n1\n2\n")
    tables = "tables: {people: ROOT/people.csv, few: ROOT/few.csv}".replace("ROOT", lake.root)
    lake.shop.write("activations/lake.yaml", f"kind: Source\nname: lake\ntype: files\n{tables}\n")
    lake.shop.activation(sql="select email from lake.people where i < 1000")
    lake.shop.run("plan")
    for_one = sum(size for name, size in lake.store.sent if name == "people.csv")
    lake.shop.activation("few", sql="select email from lake.people semi join lake.few using (i)")
    lake.store.sent.clear()

    planned = lake.shop.run("plan", "--format", "json").json["changes"]

    assert sorted(change["members"][0]["added"] for change in planned) == [2, 1000]
    assert sum(size for name, size in lake.store.sent if name == "people.csv") < for_one * 1.5


def test_folders_are_columns_only_where_they_are_declared(lake: Lake) -> None:
    lake.people("year=2024/people.parquet", 1)
    lake.people("year=2025/people.parquet", 2, 3)
    lake.shop.activation(sql="select email from lake.people where year = 2025 and email not like 'canary%'")
    lake.declare("{root}/year=*/*.parquet")
    assert 'there is no column "year"' in lake.found(3)

    lake.declare({"path": "{root}/year=*/*.parquet", "partitions": {"year": "integer"}})
    lake.store.sent.clear()
    assert lake.shop.plan()["loyal"]["members"][0]["added"] == 2
    fetched = [name for name, _ in lake.store.sent]
    assert fetched.count("year=2024/people.parquet") <= 1, "more than its columns were looked at"

    lake.declare({"path": "{root}/year=*/*.parquet", "partitions": {"month": "integer"}})
    assert f"{lake.root}/year=2024/people.parquet is in no folder month=..." in lake.found(3)


def test_folders_on_a_disk_are_columns_only_where_they_are_declared(lake: Lake) -> None:
    (lake.shop.folder / "data" / "year=2025").mkdir()
    (lake.shop.folder / "data" / "year=2025" / "people.csv").write_text("email\nanna@shop.example\n")
    lake.shop.activation(sql="select email from lake.people where year = 2025")
    lake.declare("../data/year=*/*.csv")
    assert 'there is no column "year"' in lake.found(3)
    lake.declare({"path": "../data/year=*/*.csv", "partitions": {"year": "integer"}})
    assert lake.shop.plan()["loyal"]["members"][0]["added"] == 1


def test_nothing_of_it_is_left_on_the_disk(lake: Lake) -> None:
    temporary = lake.shop.folder / "temporary"
    temporary.mkdir()
    (lake.shop.folder / "data" / "people.csv").unlink()
    lake.people("people.csv", *range(1000), suffix=".csv")
    lake.declare("{root}/*.csv")
    lake.shop.activation("everyone", sql="select email from lake.people")

    lake.shop.run("validate", code=None, TMPDIR=str(temporary))
    lake.shop.apply(code=None)

    assert list(temporary.iterdir()) == []
    written = [path for path in lake.folder.parent.rglob("*") if path.is_file() and lake.folder.name in str(path)]
    assert written
    traces = (CANARY.encode(), b"person-7@shop.example")
    assert [path for path in written if any(trace in path.read_bytes() for trace in traces)] == []


# -- what changes meanwhile --------------------------------------------------------------------------------------------


def test_an_object_that_changes_between_plan_and_apply_is_read_as_it_is(lake: Lake, sandbox: Sandbox) -> None:
    lake.people("people.parquet", 1, 2)
    lake.declare("{root}/people.parquet")
    lake.shop.run("plan", "--out", "plan.json")
    lake.people("people.parquet", 1, 2, 3)

    lake.shop.run("apply", "plan.json", "--yes")

    assert members(sandbox) == hashes(1, 2, 3)


def replaced_at(lake: Lake, replace: Callable[[int], None], times: int) -> Callable[[str, str], str]:
    """Whenever the object's content is asked for, so many times: first put another one in its place."""
    done: list[int] = []

    def fault(method: str, name: str) -> str:
        if method == "GET" and name == "people.csv" and len(done) < times:
            done.append(0)
            replace(len(done))
        return ""

    return fault


def test_an_object_that_changes_while_it_is_read_is_read_again(lake: Lake, sandbox: Sandbox) -> None:
    lake.people("people.csv", 1, 2, suffix=".csv")
    lake.declare("{root}/*.csv")
    replace = lambda _: lake.people("people.csv", 2, 3, suffix=".csv")  # noqa: E731

    with lake.store.failing(replaced_at(lake, replace, 1)):
        lake.shop.apply()

    assert members(sandbox) == hashes(2, 3)


def test_an_object_that_changes_again_and_again_fails_that_activation(lake: Lake) -> None:
    lake.people("people.csv", 1, 2, suffix=".csv")
    lake.declare("{root}/*.csv")
    replace = lambda nth: lake.people("people.csv", 10 + nth, suffix=".csv")  # noqa: E731

    with lake.store.failing(replaced_at(lake, replace, 100)):
        said = lake.failed()

    assert said.startswith("activations/loyal.yaml:")
    assert f"{lake.root}/people.csv was replaced while it was read" in said


def test_an_object_that_is_gone_when_it_is_read_fails_that_activation(lake: Lake) -> None:
    lake.people("people.csv", 1, 2, suffix=".csv")
    lake.people("more.csv", 3, suffix=".csv")
    lake.declare("{root}/*.csv")
    remove = lambda _: lake.store.delete(lake.bucket, "project/people.csv")  # noqa: E731

    with lake.store.failing(replaced_at(lake, remove, 1)):
        assert lake.shop.plan()["loyal"]["members"][0]["added"] == 1


# -- what goes wrong ---------------------------------------------------------------------------------------------------


def test_a_store_that_is_busy_for_a_while_is_asked_again(lake: Lake) -> None:
    lake.people("people.csv", 1, 2, suffix=".csv")
    lake.declare("{root}/people.csv")
    busy = iter(["refused"] * 3)

    with lake.store.failing(lambda method, name: next(busy, "")):
        assert lake.shop.plan()["loyal"]["members"][0]["added"] == 2
    assert list(busy) == []


def test_a_store_that_stays_busy_is_a_plain_failure_at_the_table(lake: Lake) -> None:
    lake.people("people.csv", 1, 2, suffix=".csv")
    lake.declare("{root}/*.csv")

    with lake.store.failing(lambda method, name: "refused" if method == "GET" else ""):
        said = lake.failed()

    assert said == (
        f"activations/lake.yaml:5:3: source lake.people: {lake.root}/people.csv cannot be reached: "
        "503 Service Unavailable"
    )


def test_what_is_not_there_is_an_error_at_the_table(lake: Lake) -> None:
    lake.declare("{root}/people.csv")
    there = f"there is no object {lake.root}/people.csv"
    assert f"activations/lake.yaml:5:3: error[no-source-file]: {there}" in lake.found(3)
    assert lake.failed() == f"activations/lake.yaml:5:3: source lake.people: {there}"
    lake.declare("{root}/*.csv")
    assert f"error[no-source-file]: no object matches {lake.root}/*.csv" in lake.found(3)
    lake.declare("s3://no-such-bucket/*.csv")
    assert "error[source-unreadable]: s3://no-such-bucket does not exist" in lake.found(3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "cannot be reached: it did not answer"),
        ({"AWS_ALLOW_HTTP": "false"}, "the endpoint is http://, not https://"),
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_METADATA_ENDPOINT": "http://127.0.0.1:1"},
            "there are no credentials for s3://",
        ),
    ],
    ids=["no answer", "not encrypted", "no credentials"],
)
def test_what_is_out_of_reach_is_a_warning_of_validate_and_a_failure_of_plan(
    lake: Lake, environment: dict[str, str], said: str
) -> None:
    lake.people("people.csv", 1, suffix=".csv")
    lake.declare("{root}/people.csv")
    for name in [name for name, value in environment.items() if not value]:
        del lake.shop.environment[name]
    environment = {name: value for name, value in environment.items() if value}

    warned = lake.found(0, **environment)

    assert "activations/lake.yaml:5:3: warning[source-unreachable]: " in warned
    assert said in warned
    assert warned.count("[") == 1
    assert said in lake.failed(**environment)
    assert "wrong  source       lake: activations/lake.yaml:5:3: " in lake.shop.run("doctor", code=1, **environment).out


def test_a_library_that_is_not_installed_is_named_with_what_to_install(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.declare("{root}/people.csv")
    monkeypatch.setattr("runner.object_stores.bucket_reader.find_spec", lambda name: None)
    said = "s3:// needs the package obstore, which is not installed"
    assert f"activations/lake.yaml:5:3: error[source-unreadable]: {said}" in lake.found(3)
    assert said in lake.failed()


def test_access_that_is_denied_says_what_to_look_at(lake: Lake) -> None:
    lake.people("people.csv", 1, suffix=".csv")
    lake.declare("{root}/people.csv")
    with lake.store.failing(lambda method, name: "denied"):
        assert "people.csv cannot be read: access is denied (403 Forbidden)" in lake.failed()
        assert "check the credentials of the object store in the environment" in lake.found(0)


def test_columns_are_checked_and_left_out_without_the_sources(lake: Lake) -> None:
    lake.people("people.parquet", 1)
    lake.declare("{root}/*.parquet")
    lake.shop.activation(sql="select mail as email from lake.people")

    assert 'error[sql-unknown-column]: there is no column "mail"; did you mean "email"?' in lake.found(3)
    lake.store.calls.clear()
    lake.found(0, "--no-sources")
    assert lake.store.calls == []


def test_a_fault_of_a_data_file_is_reported_at_the_object(lake: Lake) -> None:
    rows = "".join(f"anna.{number}@shop.example,1\n" for number in range(25_000))
    lake.put("people.csv", f"email,baskets\n{rows}anna,a,b,1\n{rows}".encode())
    lake.declare("{root}/*.csv")
    assert f"{lake.root}/people.csv:25002: 4 fields, the header has 2" in lake.failed()
    lake.put("people.csv", b"")
    assert f"{lake.root}/people.csv:1: it is empty" in lake.failed()
    lake.declare("{root}/*.parquet")
    lake.put("people.parquet", lake.content("select 'a@shop.example' as email")[:-20])
    assert f"{lake.root}/people.parquet:1: it is cut off" in lake.failed()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("s3://lake", "it names no object"),
        ("s3:///people.csv", "is followed by the name of a bucket"),
        ("s3://lake/people/", "it names no object"),
        ("s3://lake//people.csv", "a path in a bucket has no empty parts"),
        ("s3://lake/../people.csv", "a path in a bucket has no empty parts"),
        ("s3://lake/.hidden/people.csv", '".hidden" is hidden'),
        ("https://lake.example/people.csv", "a source reads files, and objects at s3://, gs:// or az://"),
    ],
)
def test_an_address_that_can_mean_nothing_is_a_finding(lake: Lake, path: str, said: str) -> None:
    lake.declare(path)
    assert said in lake.found(3, "--no-sources")


def test_segment_sql_reaches_no_other_object(lake: Lake) -> None:
    lake.people("people.csv", 1, suffix=".csv")
    lake.people("secret.csv", 2, suffix=".csv")
    lake.declare("{root}/people.csv")
    lake.shop.activation(sql=f"select email from read_csv('{lake.root}/secret.csv')")
    assert "error[" in lake.found(3)
    lake.shop.activation(sql=f"select email from '{lake.root}/secret.csv'")
    assert "error[" in lake.found(3)
    assert [name for _, name in lake.store.calls if name == "secret.csv"] == ["secret.csv"], "it was only ever written"


def test_a_source_of_a_cloud_whose_account_is_not_known_says_what_to_set(lake: Lake) -> None:
    lake.declare("az://people/*.csv")
    assert "az://people/*.csv cannot be read: the environment does not say where it is" in lake.failed()


def test_ctrl_c_ends_a_command_whose_store_does_not_answer(lake: Lake) -> None:
    lake.people("people.csv", 1, suffix=".csv")
    lake.declare("{root}/*.csv")
    asked, interrupted = Event(), Event()

    def never(method: str, name: str) -> str:
        asked.set()
        interrupted.wait(60)
        return "refused"

    with lake.store.failing(never):
        process = lake.shop.start("plan")
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=50)
        interrupted.set()
    assert process.returncode == 130, said


def test_the_page_that_shows_how(lake: Lake) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "read-from-a-bucket.md").read_text(encoding="utf-8")
    fenced = re.findall(r"^ *```(\w+)\n(.*?)^ *```", page, re.MULTILINE | re.DOTALL)
    [source] = [dedent(text) for kind, text in fenced if kind == "yaml"]
    [sql] = [text for kind, text in fenced if kind == "sql"]
    commands = [line.split() for kind, text in fenced if kind == "text" for line in dedent(text).splitlines()]
    assert [command[0] for command in commands] == ["headcount"] * 3
    customers = lake.content("select 1 as customer_id, 'person-1@shop.example' as email")
    lake.put("customers/all.parquet", customers)
    lake.put("orders/year=2026/all.parquet", lake.content("select 1 as customer_id"))
    lake.shop.write("activations/lake.yaml", source.replace("s3://lake/", f"{lake.root}/"))
    lake.shop.activation(sql=sql)

    said = [lake.shop.run(*arguments).out for _, *arguments in commands]

    assert "lake: 2 tables, whose files are there" in said[1]
    assert "+1" in said[2]


# -- other clouds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["gs", "az"])
def test_another_cloud_is_asked_in_its_own_way(lake: Lake, sandbox: Sandbox, scheme: str) -> None:
    lake.declare(f"{scheme}://people/new files/*.csv")
    content = lake.content(f"select * from (values ('{CANARY}'), ('person-1@shop.example')) t(email)", ".csv")
    contents = {"new files/one=1.csv": content, "new files/deep/two.csv": content, "three.txt": b"x"}
    key = lake.folder / "key.json"
    with running_cloud("people", contents) as url:
        account = {"gcs_base_url": url, "disable_oauth": True}
        key.write_text(json.dumps(account | dict.fromkeys(("client_email", "private_key", "private_key_id"), "")))
        lake.shop.environment |= {
            "GOOGLE_SERVICE_ACCOUNT": str(key),
            "GOOGLE_ALLOW_HTTP": "true",
            "AZURE_STORAGE_USE_EMULATOR": "true",
            "AZURITE_BLOB_STORAGE_URL": url,
        }
        lake.shop.apply()
        assert members(sandbox) == hashes(1)
        lake.declare(f"{scheme}://people/none.csv")
        assert f"there is no object {scheme}://people/none.csv" in lake.failed()


@pytest.mark.parametrize("absent", [("fsspec",), ("obstore",), ("fsspec", "obstore")])
def test_a_package_that_is_missing_is_named(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, absent: tuple[str, ...]
) -> None:
    for package in absent:
        monkeypatch.setitem(sys.modules, package, None)
    text = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8")
    source = "{kind: Source, name: shop, type: files, tables: {people: 's3://lake/people/*.parquet'}}\n---\n"
    shop.write("activations/shop.yaml", source + text.partition("---\n")[2])
    shop.activation(sql="select email from shop.people")
    said = shop.run("validate", code=3).err
    assert f"needs the package {absent[-1]}, which is not installed" in said
    assert "pip install 'PATH[remote]'" in said
