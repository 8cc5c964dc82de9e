"""A key in a file that the job names: read by Headcount, looked at before any login, and shown nowhere."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from runner.sources.registry import WAREHOUSE_KINDS
from tests.end_to_end.shop import Shop

pytestmark = pytest.mark.skipif(find_spec("adbc_driver_snowflake") is None, reason="the driver is not installed")

SOURCE = """\
kind: Source
name: warehouse
type: snowflake
account: acme-eu1
user: HEADCOUNT
auth: {method: key-pair, private_key_file: "{{ env('SNOWFLAKE_PRIVATE_KEY_FILE') }}"}
---
"""


@pytest.fixture
def crm(shop: Shop) -> Shop:
    destination = (shop.folder / "activations/shop.yaml").read_text(encoding="utf-8").partition("---\n")[2]
    shop.write("activations/shop.yaml", SOURCE + destination)
    shop.activation(sql="select email from crm.people")
    return shop


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        ("root:x:0:0:s3cr3t", "key.p8", "the private key is none that can be read"),
        (None, "key.p8", "the file that the variable of `private_key_file` names cannot be read"),
        ("root:x:0:0:s3cr3t", "", "the variable of `private_key_file` must hold the absolute path of a file"),
    ],
)
def test_a_file_that_holds_no_key_fails_the_plan_before_a_login(
    crm: Shop, tmp_path: Path, content: str | None, name: str, why: str
) -> None:
    if content is not None:
        (tmp_path / "key.p8").write_text(content)
    path = str(tmp_path / name) if name else "key.p8"
    for arguments, code in ((("validate",), 0), (("plan", "--verbose"), 1)):
        result = crm.run(*arguments, code=code, SNOWFLAKE_PRIVATE_KEY_FILE=path)
        assert f"source warehouse cannot be reached: {why}" in result.out + result.err
        assert "s3cr3t" not in result.out + result.err
        assert not name or path not in result.out + result.err


def test_a_variable_that_is_not_set_is_said(crm: Shop) -> None:
    assert "the environment variable SNOWFLAKE_PRIVATE_KEY_FILE is not set" in crm.run("plan", code=1).out


def test_a_driver_is_never_looked_for_by_its_name(crm: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_driver.py").write_text("def _driver_path(): return 'adbc_driver_snowflake'")
    monkeypatch.syspath_prepend(str(tmp_path))
    kind = WAREHOUSE_KINDS["snowflake"]
    driver = replace(kind.driver, package="made_driver", options=lambda _: {})
    monkeypatch.setitem(WAREHOUSE_KINDS, "snowflake", replace(kind, driver=driver))
    said = crm.run("plan", code=1, SNOWFLAKE_PRIVATE_KEY_FILE="/key.p8").out
    assert "the package made_driver has no library in it; install it again" in said
