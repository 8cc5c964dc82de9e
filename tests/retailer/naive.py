"""Who is in each audience, read off what the retailer asks for: loops over rows, and nothing of Headcount's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from zoneinfo import ZoneInfo

from tests.retailer.data import TODAY, Complaint, Customer, Order, Tables, Visit

COUNTRIES = {"FR": "fr-be", "BE": "fr-be", "DE": "de", "IT": "it"}
"""The account that each country's audiences are in."""

Identifier = tuple[str, str]
"""Criteo's identifier type, and a wire form."""


@dataclass(frozen=True, slots=True)
class Audience:
    """An audience, as it must be in Criteo."""

    account: str
    name: str
    members: frozenset[Identifier]


def audiences(tables: Tables) -> list[Audience]:
    """All audiences of the retailer."""
    history = _History(tables)
    everybody = tables.customers
    never = {one for person in everybody if history.may_not_be_sent(person) for one in identifiers(person)}

    def audience(account: str, name: str, people: Iterable[Customer]) -> Audience:
        wire = [identifiers(person) for person in people]
        return Audience(account, name, frozenset(one for row in wire if not row & never for one in row))

    made = []
    for country, account in COUNTRIES.items():
        here = [person for person in everybody if person.country == country]
        lapsed = [person for person in here if history.lapsed(person) and not _held_out(person)]
        made += [
            audience(account, f"Gold and silver members {country}", filter(_is_member, here)),
            audience(account, f"Lapsed {country}", lapsed),
            audience(account, f"Cart leavers {country}", filter(history.left_a_cart, here)),
        ]
    big = sorted(filter(history.spent_much, everybody), key=_by_ltv)[:5000]
    made += [
        audience("fr-be", "Big spenders", big),
        audience("de", "New customers", filter(history.new_in_a_store, everybody)),
    ]
    buyers = [person for person in everybody if history.bought_since(person, 540)]
    return made + [audience(account, "Bought in the last 540 days", buyers) for account in ("fr-be", "de", "it")]


def identifiers(person: Customer) -> frozenset[Identifier]:
    """The wire forms of a person. (An address of the data is right or blank; a device may be nonsense.)"""
    found: set[Identifier] = set()
    if person.email is not None and person.email.strip():
        found.add(("email", sha256(person.email.strip().lower().encode()).hexdigest()))
    if person.email_sha256 is not None:
        found.add(("email", person.email_sha256.lower()))
    if person.idfa is not None and "-" in person.idfa and set(person.idfa) != {"0", "-"}:
        found.add(("madid", person.idfa.lower()))
    return frozenset(found)


class _History:
    """What is known of each customer, by customer_id."""

    def __init__(self, tables: Tables) -> None:
        self._orders: Mapping[int | None, list[Order]] = defaultdict(list)
        self._visits: Mapping[int | None, list[Visit]] = defaultdict(list)
        self._complaints: Mapping[int | None, list[Complaint]] = defaultdict(list)
        for order in tables.orders:
            self._orders[order.customer_id].append(order)
        for visit in tables.visits:
            self._visits[visit.customer_id].append(visit)
        for complaint in tables.complaints:
            self._complaints[complaint.customer_id].append(complaint)

    def may_not_be_sent(self, person: Customer) -> bool:
        complaints = self._complaints[person.customer_id]
        return person.marketing_consent is not True or any(one.closed_at is None for one in complaints)

    def bought_since(self, person: Customer, days: int) -> bool:
        return any(_is_since(order.ordered_at, days) for order in self._orders[person.customer_id])

    def lapsed(self, person: Customer) -> bool:
        return self.bought_since(person, 365) and not self.bought_since(person, 90)

    def left_a_cart(self, person: Customer) -> bool:
        bought = [order.ordered_at for order in self._orders[person.customer_id] if order.ordered_at is not None]
        return any(
            visit.page == "cart"
            and visit.visited_at is not None
            and _is_since(visit.visited_at, 7)
            and not any(visit.visited_at < at <= visit.visited_at + timedelta(days=2) for at in bought)
            for visit in self._visits[person.customer_id]
        )

    def spent_much(self, person: Customer) -> bool:
        shoes = [
            order.amount or Decimal(0)
            for order in self._orders[person.customer_id]
            if order.category == "shoes" and order.returned is not True and _is_since(order.ordered_at, 365)
        ]
        much = sum(shoes) > 400 or (person.ltv is not None and person.ltv >= 900)
        return person.country in ("FR", "BE") and much and not self.lapsed(person)

    def new_in_a_store(self, person: Customer) -> bool:
        in_a_store = any(order.shop == "store" for order in self._orders[person.customer_id])
        return _is_since(person.signed_up, 30) and in_a_store


def _is_since(moment: datetime | None, days: int) -> bool:
    """Whether it is at or after midnight in Paris of the day so many days before today."""
    day = TODAY - timedelta(days=days)
    return moment is not None and moment >= datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Europe/Paris"))


def _is_member(person: Customer) -> bool:
    return person.loyalty in ("gold", "silver")


def _by_ltv(person: Customer) -> tuple[bool, Decimal, int]:
    return person.ltv is None, -(person.ltv or Decimal(0)), person.customer_id


def _held_out(person: Customer) -> bool:
    """One in ten, by the recipe of the how-to on control groups."""
    digest = sha256(f"lapsed:{person.customer_id}".encode()).hexdigest()
    return int(digest[:15], 16) * 10 < 16**15
