"""Random projects for a shop: what is in their tables, what they ask for, how that is written, and how it changes."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from runner.core.identifiers import IdentifierType
from tests.end_to_end.naive_runs import EMAIL, MOBILE, Holdout, Kept, Row, Tables, Wanted
from tests.end_to_end.shop import Shop
from tests.plain_duckdb import plain

ACCOUNTS = {"criteo": "12345", "twin": "12345", "other": "67890", "grocer": "555"}
"""The account of each destination; two destinations share one."""

GROUPS = (0, 1, 2)
Columns = tuple[tuple[IdentifierType, tuple[str, ...]], ...]
MAPPINGS: tuple[Columns, ...] = (
    ((EMAIL, ("email",)),),
    ((EMAIL, ("email", "other")),),
    ((EMAIL, ("other",)),),
    ((EMAIL, ("email",)), (MOBILE, ("idfa",))),
    ((EMAIL, ("email", "other")), (MOBILE, ("idfa",))),
    ((MOBILE, ("idfa",)),),
)
BOTH = MAPPINGS[3:5]
ADDRESSES = (
    *(["p{}@shop.example"] * 4),
    "P{}@Shop.Example",
    "  p{}@shop.example\t",
    "\u00a0p{}@SHOP.example ",
    "sha",
    "SHA",
    "md5",
    "\u00c9mile{}@shop.example",
    "no address {}",
    "a@b@p{}.example",
)
DEVICES = (
    *(["6d92078a-8246-4ba4-ae5b-7610486{:05x}"] * 4),
    "6D92078A-8246-4BA4-AE5B-7610486{:05X}",
    " 6d92078a-8246-4ba4-ae5b-7610486{:05x} ",
    "00000000-0000-0000-0000-000000000000",
    "no device {}",
)
BLANK = (None, "", "  ")


@dataclass
class Asked:
    """A document of an activation, or of a family of one for each group."""

    id: str
    destination: str
    tables: tuple[str, ...]
    groups: tuple[int, ...]
    mapping: Columns
    holdout: Holdout | None
    form: str

    def wanted(self) -> list[Wanted]:
        account = ACCOUNTS[self.destination]
        if self.form != "family":
            one = Wanted(self.id, account, self.tables, self.groups, self.mapping, self.holdout, self.form)
            return [one]
        return [
            Wanted(f"{self.id}-{group}", account, self.tables, (group,), self.mapping, self.holdout)
            for group in self.groups
        ]


@dataclass
class Project:
    """All that a shop has, as it is now. `beside` are activations that were taken out for a while."""

    tables: Tables
    activations: list[Asked]
    suppressions: list[tuple[Kept, tuple[str, ...] | None]]
    beside: list[Asked] = field(default_factory=list)

    def wanted(self) -> list[Wanted]:
        return [one for asked in self.activations for one in asked.wanted()]

    def kept(self) -> list[Kept]:
        return [one for one, _ in self.suppressions]


class Maker:
    """Makes projects and changes them, all by one source of chance."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.destinations = random.choice((("criteo", "other"), ("criteo", "twin", "other"), tuple(ACCOUNTS)))
        self.devices_alone = random.random() < 0.3
        self.pace = {"rate_limit": 60000, "batch_size": random.choice((2, 5, 50000))}
        self.numbers = random.choice((3, 8, 25))
        self.usual = random.choice(MAPPINGS[:5])
        # Segments over the same tables, with the same mapping, are evaluated together.
        self.alike = 1.0 if random.random() < 0.5 else 0.5

    def project(self) -> Project:
        random = self.random
        tables = {name: tuple(self.row() for _ in range(self.size())) for name in ("people", "more", "consents")}
        suppressions = [self.suppression(name) for name in ("s", "t", "u")[: random.choice((0, 1, 1, 2, 2, 3))]]
        return Project(tables, [self.activation(f"a{n}") for n in range(random.randint(2, 6))], suppressions)

    def size(self) -> int:
        return self.random.choice((0, 2, 5, 10, 30))

    # -- people ------------------------------------------------------------------------------------------------

    def address(self, number: int) -> str | None:
        form = self.random.choice((*ADDRESSES, None))
        if form is None:
            return self.random.choice(BLANK)
        clear = f"p{number}@shop.example".encode()
        digests = {"sha": hashlib.sha256(clear).hexdigest(), "md5": hashlib.md5(clear).hexdigest()}
        return digests.get(form) or (digests["sha"].upper() if form == "SHA" else form.format(number))

    def device(self, number: int) -> str | None:
        form = self.random.choice((*DEVICES, None))
        return self.random.choice(BLANK) if form is None else form.format(number)

    def row(self) -> Row:
        random = self.random
        number = random.randrange(self.numbers)
        other = number if random.random() < 0.7 else random.randrange(self.numbers)
        id_ = None if random.random() < 0.05 else number
        return Row(id_, self.address(number), self.address(other), self.device(number), random.choice(GROUPS))

    def changed(self, row: Row) -> list[Row]:
        """What becomes of a row: it mostly stays."""
        random = self.random
        match random.choice("======-+edg"):
            case "-":
                return []
            case "+":
                return [row, row]
            case "e":
                return [replace(row, email=self.address(random.randrange(self.numbers) if row.id is None else row.id))]
            case "d":
                return [replace(row, idfa=self.device(random.randrange(self.numbers) if row.id is None else row.id))]
            case "g":
                return [replace(row, group=random.choice(GROUPS))]
        return [row]

    def change_people(self, project: Project) -> None:
        tables = dict(project.tables)
        for name, rows in tables.items():
            if self.random.random() < 0.7:
                kept = [one for row in rows for one in self.changed(row)]
                tables[name] = (*kept, *(self.row() for _ in range(self.random.choice((0, 0, 1, 3)))))[:40]
        project.tables = tables

    # -- documents ---------------------------------------------------------------------------------------------

    def groups(self) -> tuple[int, ...]:
        return self.random.choice(((0,), (1,), (0, 1), (0, 1), GROUPS))

    def activation(self, id: str) -> Asked:
        random = self.random
        destination = random.choice(self.destinations)
        mappings = MAPPINGS[:3] if destination == "grocer" else MAPPINGS if self.devices_alone else MAPPINGS[:5]
        tables: tuple[str, ...] = ("people",)
        form, mapping = random.choice(("sql", "sql", "family")), self.usual
        holdout = None
        if random.random() > self.alike or mapping not in mappings:
            form, mapping = random.choice(("sql", "where", "family")), random.choice(mappings)
            tables = ("people", "more") if form != "where" and random.random() < 0.5 else tables
            holdout = Holdout(random.choice((20, 50)), random.choice("qr")) if random.random() < 0.3 else None
        return Asked(id, destination, tables, self.groups(), mapping, holdout, form)

    def suppression(self, name: str) -> tuple[Kept, tuple[str, ...] | None]:
        random = self.random
        one = random.choice(self.destinations)
        chosen = [each for each in self.destinations if each == one or random.random() < 0.3]
        destinations = None if random.random() < 0.2 else tuple(chosen)
        accounts = frozenset(ACCOUNTS[one] for one in destinations or self.destinations)
        mapping = random.choice(BOTH if self.devices_alone else MAPPINGS[:5])
        form = random.choice(("sql", "sql", "where"))
        table = "people" if form == "where" else random.choice(("consents", "people"))
        return Kept(name, accounts, table, random.choice(((0,), (1,), (2,), (0, 1))), mapping, form), destinations

    def change_documents(self, project: Project) -> None:
        random = self.random
        match random.choice(
            ("remove", "put back", "put back", "redefine", "new", "suppression", "suppression", "drop")
        ):
            case "remove" if len(project.activations) > 1:
                project.beside.append(project.activations.pop(random.randrange(len(project.activations))))
            case "put back" if project.beside:
                project.activations.append(project.beside.pop())
            case "redefine":
                place = random.randrange(len(project.activations))
                project.activations[place] = self.activation(project.activations[place].id)
            case "new" if len(project.activations) + len(project.beside) < 8:
                project.activations.append(self.activation(f"a{len(project.activations) + len(project.beside)}"))
            case "suppression":
                name = random.choice("stu")
                others = [each for each in project.suppressions if each[0].name != name]
                project.suppressions = [*others, self.suppression(name)]
            case "drop" if project.suppressions:
                project.suppressions.pop(random.randrange(len(project.suppressions)))


# -- files -----------------------------------------------------------------------------------------------------

BASE = """\
kind: Project
defaults:
  guardrails: {min_members: 0}
---
kind: Source
name: shop
type: files
tables:
  people: {path: ../data/people.csv, columns: {id: bigint, email: varchar, other: varchar, idfa: varchar, grp: integer}}
  more: ../data/more.parquet
  consents: ../data/consents.parquet
---
kind: Entity
name: person
from: shop.people
key: id
"""
CREDENTIALS = {"client_id": "{{ env('CRITEO_CLIENT_ID') }}", "client_secret": "{{ env('CRITEO_CLIENT_SECRET') }}"}
HEAD = ("id", "email", "other", "idfa", "grp")


def write(shop: Shop, project: Project, maker: Maker) -> None:
    """All files of a project, in place of those that are there."""
    for path in (shop.folder / "activations").iterdir():
        path.unlink()
    _write_data(shop, project.tables)
    documents: list[dict[str, Any]] = []
    for name in maker.destinations:
        retail = {"type": "criteo-retail-media", "account_id": ACCOUNTS[name], "retailer_id": "12"}
        ads = {"type": "criteo", "advertiser_id": ACCOUNTS[name]}
        where = retail if name == "grocer" else ads
        documents.append({"kind": "Destination", "name": name, **where, "credentials": CREDENTIALS, **maker.pace})
    documents += [_activation(one) for one in project.activations]
    documents += [_suppression(one, where) for one, where in project.suppressions]
    shop.write("activations/base.yaml", BASE)
    for place, document in enumerate(documents):
        shop.write(f"activations/{place}.yaml", json.dumps(document))


def _write_data(shop: Shop, tables: Tables) -> None:
    folder = shop.folder / "data"
    with (folder / "people.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        writer.writerows([row.id, row.email, row.other, row.idfa, row.group] for row in tables["people"])
    connection = plain()
    for name in ("more", "consents"):
        connection.execute("create or replace temp table t(id bigint, email text, other text, idfa text, grp int)")
        for row in tables[name]:
            values = [row.id, row.email, row.other, row.idfa, row.group]
            connection.execute("insert into t values (?, ?, ?, ?, ?)", values)
        connection.execute(f"copy t to '{folder / f'{name}.parquet'}' (format parquet)")


def _mapping(columns: Columns) -> dict[str, Any]:
    return {str(kind): names[0] if len(names) == 1 else list(names) for kind, names in columns}


def _segment(form: str, tables: Sequence[str], groups: Sequence[int]) -> dict[str, Any]:
    if form == "where":
        return {"of": "person", "where": [{"grp": list(groups)}]}
    among = "{{ each.g }}" if form == "family" else ", ".join(map(str, groups))
    parts = [f"select id, email, other, idfa from shop.{table} where grp in ({among})" for table in tables]
    return {"sql": " union all ".join(parts)}


def _activation(one: Asked) -> dict[str, Any]:
    id_ = f"{one.id}-{{{{ each.g }}}}" if one.form == "family" else one.id
    document: dict[str, Any] = {"kind": "Activation", "id": id_, "destination": one.destination}
    if one.form == "family":
        document["for_each"] = {"g": list(one.groups)}
    document["segment"] = {"name": id_, **_segment(one.form, one.tables, one.groups)}
    document["mapping"] = _mapping(one.mapping)
    if one.holdout is not None:
        document["holdout"] = {"share": f"{one.holdout.percent}%", "by": "id", "name": one.holdout.name}
    return document


def _suppression(one: Kept, destinations: tuple[str, ...] | None) -> dict[str, Any]:
    document = {
        "kind": "Suppression",
        "name": one.name,
        "mapping": _mapping(one.mapping),
        "guardrails": {"max_lost": "100%"},
        **_segment(one.form, (one.table,), one.groups),
    }
    return document if destinations is None else {**document, "destinations": list(destinations)}
