"""What should be in Criteo: activations, people and names as declared, and whom each audience must hold.

Nothing here asks Headcount: the expectation is worked out in Python from the same data that the files are written from.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import re
from dataclasses import dataclass, field, replace
from itertools import count

from runner.sandbox import App, SandboxOptions
from tests.end_to_end.shop import CANARY, PEOPLE_COLUMNS, Person, Shop
from tests.sandbox_client import Sandbox, SegmentView

ACCOUNTS = {"one": "12345", "two": "67890", "shelf": "555"}
"""Destination -> ad account; the last is one of retail media."""

RETAIL = {"shelf"}
"""The destinations in retail media, whose audiences hold one type of identifier each."""

RETAILER = "12"
BATCH_SIZES = {"one": 3, "two": 5, "shelf": 4}
GROUPS = 7
PEOPLE = 36
WORDS = {"email": ("email", "Email"), "mobile_ad_id": ("madid",), "customer_id": ("CustomerId",)}
"""Identifier type -> Criteo's words for it: marketing solutions' and retail media's."""

TYPES = tuple(WORDS)
MAPPINGS = {
    False: (("email",), ("mobile_ad_id",), ("email", "mobile_ad_id")),
    True: (("email",), ("customer_id",), ("customer_id",)),
}
"""What an activation may map: the second in retail media."""

CUSTOMER = "regexp_extract(kind, '#([^#]*)#', 1)"
"""A person's customer id, which is kept in the column of the groups."""

NEVER = "never"
"""The name of the suppression."""

SECRET = "s3cr3t-of-the-chaos-app"
CLIENT = "chaos"
MARKETING = tuple(account for name, account in ACCOUNTS.items() if name not in RETAIL)
SHELVES = tuple(ACCOUNTS[name] for name in RETAIL)
OPTIONS = SandboxOptions(
    apps=(App(CLIENT, SECRET, advertisers=MARKETING, accounts=SHELVES),), rate_limit=0, keep_identifiers=True
)
"""The Criteo of a history."""

KINDS = {
    False: 'type: criteo\nadvertiser_id: "{account}"',
    True: f'type: criteo-retail-media\naccount_id: "{{account}}"\nretailer_id: "{RETAILER}"',
}

PROJECT = """\
kind: Source
name: shop
type: files
tables:
  people: ../data/people.csv
  never: ../data/never.csv
""" + "".join(
    f"""\
---
kind: Destination
name: {name}
{KINDS[name in RETAIL].format(account=account)}
credentials:
  client_id: "{{{{ env('CRITEO_CLIENT_ID') }}}}"
  client_secret: "{{{{ env('CRITEO_CLIENT_SECRET') }}}}"
batch_size: {BATCH_SIZES[name]}
rate_limit: 60000
"""
    for name, account in ACCOUNTS.items()
)


@dataclass(frozen=True, slots=True)
class Declared:
    """One activation as its file says it."""

    id: str
    name: str
    description: str
    group: int
    types: tuple[str, ...]
    destination: str
    remark: int = 0

    @property
    def account(self) -> str:
        return ACCOUNTS[self.destination]


@dataclass(slots=True)
class Someone:
    """One person of the data: in which groups, and in which spelling the identifiers are; `never` to be sent."""

    number: int
    groups: set[int]
    spelling: int = 0
    never: bool = False

    @property
    def email(self) -> str:
        return "" if self.number % 11 == 10 else f"Person.{self.number}+tag@Shop.example"

    @property
    def idfa(self) -> str:
        if self.number % 5 == 4:
            return "" if self.number % 2 else "00000000-0000-0000-0000-000000000000"
        digest = hashlib.md5(f"device {self.number}".encode()).hexdigest()
        return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))

    @property
    def customer(self) -> str:
        return "" if self.number % 7 == 6 else f"C-{self.number}/é"

    def row(self) -> Person:
        """The identifiers in one of several spellings, all of them the same to Criteo."""
        email = self.email
        if email and self.spelling:
            hashed = hashlib.sha256(email.lower().encode()).hexdigest()
            email = (email.upper(), f"\t {email} ", hashed, hashed.upper())[self.spelling % 4]
        customer = f"\t{self.customer} " if self.customer and self.spelling % 2 else self.customer
        kind = f"{in_groups(self.groups)}#{customer}#"
        return Person(email, self.idfa.upper() if self.spelling % 2 else self.idfa, kind)


@dataclass(slots=True)
class NeverSent:
    """The suppression as its file says it, and what has become of its data.

    `is_everybody` is one whose `where` was forgotten; `data` may be "there", "emptied" or "lost". `ever` are the
    identifiers that it has named at any time.
    """

    is_declared: bool = True
    is_everybody: bool = False
    data: str = "there"
    ever: set[str] = field(default_factory=set)

    def names(self, someone: Someone) -> bool:
        """Whether somebody may not be sent."""
        if not self.is_declared or (self.data == "emptied" and not self.is_everybody):
            return False
        return self.is_everybody or someone.never


@dataclass(slots=True)
class World:
    """Everything that is declared, and all the people there are.

    `erased` are the numbers of those who asked to be erased and did not come back; `asked` are the identifiers of all
    who ever did.
    """

    declared: dict[str, Declared] = field(default_factory=dict)
    people: list[Someone] = field(default_factory=list)
    never: NeverSent = field(default_factory=NeverSent)
    numbers: count[int] = field(default_factory=count)
    erased: set[int] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)

    @classmethod
    def made(cls, chance: random.Random) -> World:
        world = cls()
        for number in range(PEOPLE):
            world.people.append(Someone(number, {g for g in range(GROUPS) if chance.random() < 0.4}))
            world.people[-1].never = number % 9 == 4
        for destination in ACCOUNTS:
            world.declare(chance, destination=destination)
        for _ in range(chance.randint(1, 3)):
            world.declare(chance)
        return world

    def declare(self, chance: random.Random, *, id: str = "", name: str = "", destination: str = "") -> Declared:
        """One more activation, or one that was declared before and is again."""
        number = next(self.numbers)
        destination = destination or chance.choice(tuple(ACCOUNTS))
        new = Declared(
            id=id or f"a{number}",
            name=name or f"Audience {number}",
            description=chance.choice(("", f"About {number}", "Ünïcode & <b>more</b>")),
            group=chance.randrange(GROUPS),
            types=chance.choice(MAPPINGS[destination in RETAIL]),
            destination=destination,
        )
        self.declared[new.id] = new
        return new

    def change(self, id: str, **values: object) -> None:
        self.declared[id] = replace(self.declared[id], **values)  # type: ignore[arg-type]

    def fresh_name(self) -> str:
        return f"Audience {next(self.numbers)}"

    # -- the files ---------------------------------------------------------------------------------------------------

    def write(self, shop: Shop) -> None:
        """Make the project's files and its data say what is declared."""
        self.erased -= {one.number for one in self.people if one.groups or one.never}
        shop.write("activations/shop.yaml", PROJECT)
        for path in (shop.folder / "activations").glob("a*.yaml"):
            if path.stem not in self.declared:
                path.unlink()
        for one in self.declared.values():
            # In every other group each address is there twice, in two columns and mostly in two spellings.
            email = ["email", "shouted"] if one.group % 2 else "email"
            column = {"email": email, "mobile_ad_id": "idfa", "customer_id": "customer"}
            columns = f"email, upper(email) as shouted, idfa, {CUSTOMER} as customer"
            where = f"where kind like '%{in_groups({one.group})}%'"
            shop.activation(
                one.id,
                name=one.name,
                sql=f"-- {one.remark}\nselect {columns} from shop.people {where}",
                description=one.description,
                destination=one.destination,
                mapping={kind: column[kind] for kind in one.types},
                guardrails={"min_members": 0},  # a group may be empty from the start
            )
        self._write_never(shop)
        everywhere = in_groups(set(range(GROUPS)))
        shop.people(
            [
                *(someone.row() for someone in self.people),
                Person(CANARY, "", everywhere),
                Person(f"{CANARY} {CANARY}", CANARY, everywhere),  # malformed, both of them
                *(someone.row() for someone in self.people[:3]),  # given twice
            ]
        )

    def _write_never(self, shop: Shop) -> None:
        """The suppression and its data, as far as they are there."""
        file, data = shop.folder / "activations" / "never.yaml", shop.folder / "data" / "never.csv"
        for path in (file, data):
            path.unlink(missing_ok=True)
        named = [someone for someone in self.people if someone.never]
        if self.never.is_declared:
            table = "shop.people" if self.never.is_everybody else "shop.never"
            document = {
                "kind": "Suppression",
                "name": NEVER,
                "sql": f"select email, idfa, {CUSTOMER} as customer from {table}",
                "mapping": {"email": "email", "mobile_ad_id": "idfa", "customer_id": "customer"},
            }
            shop.write("activations/never.yaml", json.dumps(document))
        if self.never.data != "lost":
            rows = [someone.row() for someone in named if self.never.data == "there"]
            lines = [PEOPLE_COLUMNS, *((one.email, one.idfa, one.kind) for one in rows)]
            data.parent.mkdir(exist_ok=True)
            with data.open("w", newline="", encoding="utf-8") as written:
                csv.writer(written).writerows(lines)
        self.never.ever |= self.named()

    def named(self) -> set[str]:
        """The identifiers of everybody who may not be sent."""
        named = {hashed(CANARY)} if self.never.is_declared and self.never.is_everybody else set()
        for someone in self.people:
            if self.never.names(someone):
                named |= {hashed(someone.email), someone.idfa, someone.customer}
        return named - {"", hashed("")}

    # -- the expectation ---------------------------------------------------------------------------------------------

    def expected(self, id: str) -> dict[str, set[str]]:
        """Whom the audience must hold: wire forms by identifier type, for every type that there is."""
        one = self.declared[id]
        inside = [who for who in self.people if one.group in who.groups and not self.never.names(who)]
        canary = set() if self.never.is_declared and self.never.is_everybody else {hashed(CANARY)}
        emails = {hashed(someone.email) for someone in inside if someone.email} | canary
        devices = {someone.idfa for someone in inside if re.fullmatch(r"[0-9a-f-]*[1-9a-f][0-9a-f-]*", someone.idfa)}
        customers = {someone.customer for someone in inside if someone.customer}
        found = {"email": emails, "mobile_ad_id": devices, "customer_id": customers}
        return {kind: found[kind] if kind in one.types else set() for kind in TYPES}


def in_groups(groups: set[int]) -> str:
    """Groups as a column holds them: `|g1||g4|`."""
    return "".join(f"|g{group}|" for group in sorted(groups))


def hashed(email: str) -> str:
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def home(segment: SegmentView) -> str:
    """The account that a segment is in."""
    return segment.advertiser_id or segment.account_id or ""


def members(sandbox: Sandbox, segment: SegmentView) -> dict[str, set[str]]:
    """Whom a segment holds, by our names for the types."""
    retail = segment.account_id is not None
    held = {}
    for kind, words in WORDS.items():
        word = words[-1] if retail else words[0]
        known = word in ((segment.identifier_type,) if retail else ("email", "madid"))
        held[kind] = sandbox.members(segment.id, word) if known else set()
    return held
