"""Where a Postgres source is, and the address that its driver is given."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from runner.core.destination import Secret
from runner.core.findings import Location
from runner.sources.postgres_address import conninfo, hosts, judge
from runner.sources.warehouse import WarehouseSource
from tests.unit.sources.test_kinds import Written

HERE = Location("sources.yaml", 2, 7)


def source(**settings: str) -> WarehouseSource:
    return WarehouseSource("warehouse", "postgres", HERE, settings, {}, "password", {"password": Secret("p w&d")})


def parts(**settings: str) -> dict[str, str]:
    """The address as libpq reads it: the first value of each parameter."""
    split = urlsplit(conninfo(source(**settings)))
    assert (split.scheme, split.netloc, split.path) == ("postgresql", "", "")
    return {name: values[0] for name, values in parse_qs(split.query, keep_blank_values=True).items()}


def test_a_uri_and_the_fields_say_the_same() -> None:
    written = parts(uri="postgresql://read%40er@db.example.com:6543/my%20shop")
    fields = parts(host="db.example.com", port="6543", user="read@er", database="my shop")
    assert written == fields
    assert (fields["user"], fields["dbname"], fields["password"]) == ("read@er", "my shop", "p w&d")


def test_several_hosts_and_sockets_are_kept() -> None:
    many = parts(uri="postgresql://a:1,[2001:db8::1]:2/shop?target_session_attrs=read-only")
    assert (many["host"], many["port"], many["target_session_attrs"]) == ("a,2001:db8::1", "1,2", "read-only")
    socket = source(uri="postgresql://me@/shop?host=/run/postgresql")
    assert hosts(socket) == ()
    assert hosts(source(uri="postgresql://a,b/shop")) == ("a", "b")


@pytest.mark.parametrize(
    ("uri", "mode"),
    [
        ("postgresql://db.example.com/shop", "require"),
        ("postgresql://db.example.com/shop?sslmode=verify-full", "verify-full"),
        ("postgresql://localhost/shop", "prefer"),
        ("postgresql:///shop?host=/run/postgresql", "prefer"),
    ],
)
def test_what_leaves_the_machine_is_encrypted(uri: str, mode: str) -> None:
    assert parts(uri=uri)["sslmode"] == mode


def test_nothing_is_left_for_libpq_to_look_up_a_password_with() -> None:
    without = WarehouseSource("warehouse", "postgres", HERE, {"host": "db.example.com"}, {})
    query = parse_qs(urlsplit(conninfo(without)).query, keep_blank_values=True)
    assert query["password"] == [""]
    assert query["passfile"] == ["/dev/null/none"]
    assert query["gssencmode"] == ["disable"]  # a ticket of the machine's user is not offered either


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"uri": "postgresql://me@db.example.com/shop"}, []),
        ({"host": "db.example.com", "port": 5432}, []),
        ({}, ["missing-field"]),
        ({"user": "me"}, ["missing-field"]),
        ({"uri": "postgresql://db/shop", "user": "me"}, ["contradictory-fields"]),
        ({"uri": "mysql://db/shop"}, ["invalid-value"]),
        ({"uri": "postgresql://[db/shop"}, ["invalid-value"]),
        ({"uri": "postgresql://me:hunter2@db/shop"}, ["literal-secret"]),
        ({"uri": "postgresql://me@db/shop?password=hunter2"}, ["literal-secret"]),
        ({"uri": "postgresql://me@db/shop?sslpassword=hunter2"}, ["literal-secret"]),
        ({"uri": "postgresql://me@db/shop?passfile=/home/me/.pgpass"}, ["invalid-value"]),
        ({"uri": "postgresql://me@db/shop?service=other"}, ["invalid-value"]),
        ({"uri": "postgresql://me@db/shop?options=-crole%3Downer"}, ["invalid-value"]),
        ({"uri": "postgresql://me@db/shop?hostaddr=10.0.0.1"}, ["invalid-value"]),
    ],
)
def test_an_address_holds_no_secret_and_sets_nothing_but_the_way(fields: dict[str, object], codes: list[str]) -> None:
    written = Written(fields)
    judge(written)
    assert [code for code, _ in written.refused] == codes
