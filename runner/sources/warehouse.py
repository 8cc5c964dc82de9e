"""Sources that run the segment themselves, in their own SQL over their own tables: what all of them have in common.

What a warehouse can do, which driver reaches it and how, says its row in `warehouses.py`; the engine reads that and
knows none of them by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from runner.core.destination import MissingSecret, Secret
from runner.core.findings import Location
from runner.core.project import Source
from runner.core.suggest import quoted_word
from runner.quick_dataclass import dataclass, field
from runner.sources.interface import Declaration, Missing
from runner.sources.local_paths import absolute, anchor

_OPTIONAL = frozenset({"passphrase"})
"""Secrets that a method may do without."""

AMBIENT = "none"
"""The method of a source without `auth`: no secret is sent."""

_FILE = "_file"
"""The end of the name of a secret that is where another one is found, and stands in its place."""

_UNITS = {"s": 1, "m": 60, "h": 3600}


class UnusableSecret(Exception):
    """A secret is none of its kind: `why` says so in our own words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """Where dbt's manifest is: an absolute path, and its anchor (see `local_paths.anchor`)."""

    path: str
    anchor: str


@dataclass(frozen=True, slots=True)
class WarehouseSource(Source):
    """A warehouse as the files declare it.

    `settings` are its public fields, which it is recognised by; `places` says where each stands. `secrets` are the
    fields of `auth`. `timeout` bounds each statement, in seconds; None: the limit of every segment holds.
    `manifest` is that of the dbt project whose models segments may `ref`.
    """

    settings: Mapping[str, str]
    places: Mapping[str, Location]
    method: str = AMBIENT
    secrets: Mapping[str, Secret | MissingSecret] = field(default_factory=dict)
    timeout: int | None = None
    manifest: ManifestFile | None = None

    @property
    def missing_secrets(self) -> tuple[MissingSecret, ...]:
        return tuple(one for one in self.secrets.values() if isinstance(one, MissingSecret))

    def place(self, setting: str) -> Location:
        """Where a field is written, or the source itself."""
        return self.places.get(setting, self.location)

    def secret(self, name: str) -> str:
        """A secret's value; empty where there is none."""
        value = self.secrets.get(name)
        return value.reveal() if isinstance(value, Secret) else ""


@dataclass(frozen=True, slots=True)
class Driver:
    """The ADBC driver that reaches a warehouse, and how a session of it is made safe.

    `package` is the Python package that brings it, `extra` the extra of Headcount's that installs that, `dialect` what
    sqlglot calls its SQL, and `quote` goes around a name in it. `options` of a connection hold secrets. `begin` are the
    statements before each segment: `label` says for whom it runs, `seconds` how long it may. Where nothing else names
    it, a `comment` in the query does. Where there are no `transactions`, each statement is one.

    `first` is a query with which a driver that logs in late does so. Then come `settings`, which a server may
    refuse, and `zone`, a query that must give a name of UTC. `probe` is a query of two words, `on` or `off`:
    whether sessions are read-only, and whether their user may do anything at all. `statement` are options of each
    query. `catalogue` is a query for the names of all tables that the user may see, each as `schema.table`.
    """

    package: str
    extra: str
    dialect: str
    options: Callable[[WarehouseSource], Mapping[str, str]]
    begin: Callable[[str, float], tuple[str, ...]]
    probe: str = ""
    first: str = ""
    settings: tuple[str, ...] = ()
    zone: str = ""
    comment: bool = False
    statement: Mapping[str, str | int] = field(default_factory=dict)
    quote: str = '"'
    transactions: bool = True
    catalogue: str = ""


@dataclass(frozen=True, slots=True)
class WarehouseKind:
    """A kind of source that runs the segment (see SourceKind).

    `fields` are its own in the files; `methods` are the ways to log in, each with its secret fields and the environment
    variable that one would usually name for them. `judge` refuses what is wrong with the fields together; `hosts` are
    those that the source's secrets go to.
    """

    type: str
    title: str
    fields: tuple[str, ...]
    methods: Mapping[str, Mapping[str, str]]
    judge: Callable[[Declaration], None]
    hosts: Callable[[WarehouseSource], tuple[str, ...]]
    driver: Driver

    @property
    def variables(self) -> frozenset[str]:
        """The usual environment variables of its secrets."""
        return frozenset(variable for secrets in self.methods.values() for variable in secrets.values())

    def declare(self, written: Declaration) -> WarehouseSource:
        self.judge(written)
        settings = {name: str(value) for name in self.fields if (value := written.value(name)) is not None}
        places = {name: written.place(name) for name in settings}
        auth = written.value("auth")
        method = str(auth["method"]) if auth else AMBIENT
        secrets = self._secrets(method, auth or {}, written)
        timeout = _seconds(written.value("timeout"))
        own = (written.name, self.type, written.location, settings, places, method, secrets, timeout)
        return WarehouseSource(*own, _manifest(written))

    def _secrets(
        self, method: str, auth: Mapping[str, object], written: Declaration
    ) -> Mapping[str, Secret | MissingSecret]:
        wanted = self.methods.get(method, {})
        if method not in (*self.methods, AMBIENT):
            known = ", ".join(self.methods)
            message = f"{self.title} has no method {quoted_word(method)}; write one of: {known}"
            written.refuse("unknown-type", message, "auth", "method")
        for name in auth:
            if name != "method" and name not in wanted and method in self.methods:
                message = f"method {method} uses no `{name}`; take it out"
                written.refuse("unknown-field", message, "auth", name, at_key=True)
        secrets = {}
        for name, variable in wanted.items():
            instead = name.removesuffix(_FILE) if name.endswith(_FILE) else f"{name}{_FILE}"
            if name in auth and name.endswith(_FILE) and instead in auth:
                message = f"the key is in `{instead}` or in a file, not in both; take one of them out"
                written.refuse("contradictory-fields", message, "auth", name, at_key=True)
            elif name not in auth and (name in _OPTIONAL or name.endswith(_FILE) or instead in auth):
                continue
            elif name not in auth:
                message = f"method {method} needs `{name}`; write {name}: \"{{{{ env('{variable}') }}}}\""
                written.refuse("missing-field", message, "auth", at_key=True)
            elif (secret := written.secret("auth", name, variable=variable)) is not None:
                secrets[name] = secret
        return secrets

    def missing(self, source: WarehouseSource) -> Iterable[Missing]:
        return ()

    def identity(self, source: WarehouseSource, folder: Path) -> tuple[object, ...]:
        return (source.name, source.type, tuple(sorted(source.settings.items())))

    def only(self, source: WarehouseSource, tables: Collection[str]) -> WarehouseSource:
        return source

    def tables(self, source: WarehouseSource) -> tuple[str, ...]:
        return ()


def _manifest(written: Declaration) -> ManifestFile | None:
    path = (written.value("dbt") or {}).get("manifest")
    if not isinstance(path, str):
        return None
    return ManifestFile(absolute(path, written, "dbt", "manifest"), anchor(path, written))


def _seconds(text: object) -> int | None:
    found = re.fullmatch(r"([0-9]+)([smh])", str(text))
    return int(found[1]) * _UNITS[found[2]] if found else None
