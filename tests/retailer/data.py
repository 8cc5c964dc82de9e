"""The retailer's tables, made up: as rows, as CSV and as Parquet.

They have what real ones have: values that are not known, people twice, one address in several spellings, times in three
zones, and events on the very bounds of the windows that the audiences look at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from operator import attrgetter
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from tests.plain_duckdb import plain

TODAY = date(2026, 11, 28)
NOW = datetime(2026, 11, 28, 10, 30, tzinfo=UTC)
ZONES = tuple(timezone(timedelta(hours=hours)) for hours in (0, 1, 2))
"""The zones that the shop's systems write times in."""


@dataclass(frozen=True, slots=True)
class Customer:
    customer_id: int
    email: str | None
    email_sha256: str | None
    idfa: str | None
    country: str | None
    language: str | None
    loyalty: str | None
    ltv: Decimal | None
    signed_up: datetime | None
    marketing_consent: bool | None


@dataclass(frozen=True, slots=True)
class Order:
    order_id: int
    customer_id: int | None
    ordered_at: datetime | None
    amount: Decimal | None
    category: str | None
    shop: str | None
    returned: bool | None


@dataclass(frozen=True, slots=True)
class Visit:
    customer_id: int | None
    visited_at: datetime | None
    page: str | None
    device: str | None


@dataclass(frozen=True, slots=True)
class Complaint:
    customer_id: int | None
    opened_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Tables:
    """All rows. A field's name is that of the table."""

    customers: Sequence[Customer]
    orders: Sequence[Order]
    visits: Sequence[Visit]
    complaints: Sequence[Complaint]


COLUMNS = {
    "customers": "customer_id bigint, email varchar, email_sha256 varchar, idfa varchar, country varchar,"
    " language varchar, loyalty varchar, ltv decimal(9, 2), signed_up timestamptz, marketing_consent boolean",
    "orders": "order_id bigint, customer_id bigint, ordered_at timestamptz, amount decimal(9, 2), category varchar,"
    " shop varchar, returned boolean",
    "visits": "customer_id bigint, visited_at timestamptz, page varchar, device varchar",
    "complaints": "customer_id bigint, opened_at timestamptz, closed_at timestamptz",
}
"""The columns of each table, as DuckDB and Postgres both write them."""


def made(customers: int, *, orders: int | None = None, visits: int | None = None, seed: int = 17) -> Tables:
    """Tables of so many customers, by default with six orders and ten visits for each of them."""
    random = Random(seed)
    people = [_customer(random, number, customers) for number in range(1, customers + 1)]
    people += random.sample(people, customers // 200)
    seen = [_visit(random, customers) for _ in range(visits or customers * 10)]
    seen += random.sample(seen, len(seen) // 100)
    wanted = orders or customers * 6
    bought = [_order_after(random, visit) for visit in seen if visit.page == "cart" and random.random() < 0.4]
    bought += [_order(random, customers) for _ in range(wanted - len(bought))]
    numbered = [replace(order, order_id=number) for number, order in enumerate(bought[:wanted])]
    complained = [_complaint(random, customers) for _ in range(customers // 40)]
    return Tables(people, numbered, seen, complained)


def _customer(random: Random, number: int, customers: int) -> Customer:
    """A customer, who has now and then the address or the device of another one."""
    address = f"person-{number if random.random() < 0.95 else random.randint(1, customers)}@shoes.example"
    clear = random.choice([address] * 5 + [address.upper(), f" {address.title()}\t"]) if random.random() < 0.6 else None
    digest = sha256(address.encode()).hexdigest()
    hashed = random.choice([digest, digest, digest.upper()]) if clear is None or random.random() < 0.1 else None
    device = str(UUID(int=number if random.random() < 0.97 else random.randint(1, customers), version=4))
    return Customer(
        customer_id=number,
        email=clear if clear is not None else random.choice([None, None, "", " "]),
        email_sha256=hashed if random.random() < 0.85 else None,
        idfa=random.choice([device, device.upper(), None, None, str(UUID(int=0)), "not a device"]),
        country=random.choice(["FR", "FR", "FR", "BE", "BE", "BE", "DE", "DE", "IT", None]),
        language=random.choice(["fr", "nl", "de", "it", None]),
        loyalty=random.choice(["gold", "silver", "none", "none", None]),
        ltv=_amount(random, 2000) if random.random() < 0.9 else None,
        signed_up=_moment(random, random.choice([60, 1500]), (30,)) if random.random() < 0.97 else None,
        marketing_consent=random.choice([True] * 16 + [False] * 2 + [None] * 2),
    )


def _order(random: Random, customers: int) -> Order:
    moment = _moment(random, random.choice([400, 1500]), (90, 365, 540))
    return Order(
        order_id=0,
        customer_id=random.randint(1, customers) if random.random() < 0.99 else None,
        ordered_at=moment if random.random() < 0.98 else None,
        amount=_amount(random, 300) if random.random() < 0.97 else None,
        category=random.choice(["shoes", "shoes", "bags", "Shoes", None]),
        shop=random.choice(["web", "web", "store", None]),
        returned=random.choice([True, False, False, False, None]),
    )


def _order_after(random: Random, visit: Visit) -> Order:
    """An order around the end of the two days after a visit, or at its very moment."""
    start = visit.visited_at or NOW
    later = random.choice([0, 1, 3600, 86_400, 172_799, 172_800, 172_801, 260_000])
    at = (start + timedelta(seconds=later)).astimezone(random.choice(ZONES))
    return replace(_order(random, 1), customer_id=visit.customer_id, ordered_at=at)


def _visit(random: Random, customers: int) -> Visit:
    return Visit(
        customer_id=random.randint(1, customers) if random.random() < 0.98 else None,
        visited_at=_moment(random, 30, (7,)) if random.random() < 0.98 else None,
        page=random.choice(["home", "product", "product", "cart", "checkout", None]),
        device=random.choice(["phone", "desktop", None]),
    )


def _complaint(random: Random, customers: int) -> Complaint:
    opened = _moment(random, 200, ())
    return Complaint(
        customer_id=random.randint(1, customers) if random.random() < 0.98 else None,
        opened_at=opened if random.random() < 0.9 else None,
        closed_at=opened + timedelta(days=3) if random.random() < 0.6 else None,
    )


def _moment(random: Random, days: int, bounds: Sequence[int]) -> datetime:
    """A moment of the last so many days; one in fifty is within a second of a midnight that bounds a window."""
    zone = random.choice(ZONES)
    if bounds and random.random() < 0.02:
        day = TODAY - timedelta(days=random.choice(bounds))
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        return midnight + timedelta(seconds=random.choice([-1, 0, 1]))
    return (NOW - timedelta(seconds=random.randrange(days * 86_400))).astimezone(zone)


def _amount(random: Random, most: int) -> Decimal:
    return Decimal(random.randrange(most * 4)) / 4


def write_csv(tables: Tables, folder: Path) -> None:
    """A CSV file for each table, without a header. Values are quoted, and what is not known is an empty field."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in COLUMNS:
        rows: Sequence[Any] = getattr(tables, name)
        values = attrgetter(*(field.name for field in fields(rows[0])))
        lines = (",".join("" if value is None else f'"{value}"' for value in values(row)) for row in rows)
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_parquet(tables: Tables, folder: Path) -> None:
    """A Parquet file for each table."""
    write_csv(tables, folder)
    for name, columns in COLUMNS.items():
        with plain() as connection:
            connection.execute(f"create temp table made ({columns})")
            connection.execute(
                f"copy made from '{folder / name}.csv' (format csv, header false, allow_quoted_nulls false)"
            )
            connection.execute(f"copy made to '{folder / name}.parquet'")
