"""How the sandbox behaves: who may call it, how strict it is, and what goes wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.core.errors import UsageError
from runner.sandbox.fault_injection import fault_named
from runner.sandbox.world.segment_records import FIRST_ID

OnAnswer = Callable[[str, str, int | None, float], None]
"""Called after each call: its method, its path, the answer's status (None: there was none), the seconds it took."""


@dataclass(frozen=True, slots=True)
class Advertiser:
    """An ad account of the sandbox."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Retailer:
    """A retailer, on whose sites retail media advertises."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class RetailMediaAccount:
    """An account of retail media, with the retailers that it may advertise with."""

    id: str
    name: str
    retailers: tuple[Retailer, ...]


@dataclass(frozen=True, slots=True)
class App:
    """Client credentials, and the advertisers and accounts that have consented to them.

    At Criteo an app is made for one service. Here one may use both, so that one set of credentials is enough.
    """

    client_id: str
    client_secret: str = field(repr=False)
    advertisers: tuple[str, ...]
    accounts: tuple[str, ...] = ()


ADVERTISERS = (Advertiser("12345", "Maison Lavande"), Advertiser("67890", "Harbour & Hill Outfitters"))
RETAILERS = (Retailer("12", "Greenway Market"),)
ACCOUNTS = (RetailMediaAccount("555", "Larkspur Foods", RETAILERS),)
APPS = (App("sandbox", "sandbox", ("12345", "67890"), ("555",)),)


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """The defaults are what Criteo documents, or the strictest reading of it where it documents nothing.

    `token_life` is in seconds and `rate_limit` in calls per minute and client id (0: no limit). `max_body` is in bytes.
    `single_item_400` answers a bulk call whose only item fails with 400 instead of 200; `bulk_problems` names the array
    that failed items are put in (`errors` or `warnings`; None: the one that each service uses). `strict_fields` refuses
    fields that Criteo does not know and, as far as anybody can see, ignores. `retry_after` adds that header to a 429,
    which Criteo does not document.

    `first_id` is the id of the first segment made. `data_file` keeps segments and memberships across restarts.
    `count_only` counts identifiers without keeping them: a repeated add then counts twice. `statistics_lag` is how many
    seconds the statistics lag behind. `keep_identifiers` lets the call log remember what each call carried.

    `faults` gives the probability of each fault (see runner.sandbox.fault_injection for their names), drawn for each
    call from a generator seeded with `fault_seed`.
    """

    apps: tuple[App, ...] = APPS
    advertisers: tuple[Advertiser, ...] = ADVERTISERS
    accounts: tuple[RetailMediaAccount, ...] = ACCOUNTS
    token_life: int = 900
    rate_limit: int = 250
    retry_after: bool = False
    max_body: int = 10_000_000
    max_identifiers: int = 50_000
    single_item_400: bool = False
    bulk_problems: str | None = None
    strict_fields: bool = True
    data_file: Path | None = None
    count_only: bool = False
    statistics_lag: float = 0.0
    match_rate: float = 0.68
    keep_identifiers: bool = False
    faults: Mapping[str, float] = field(default_factory=dict)
    fault_seed: int = 0
    first_id: int = FIRST_ID

    def __post_init__(self) -> None:
        """Raise UsageError for options that make no sense."""
        if self.count_only and self.data_file is not None:
            raise UsageError("count_only keeps no members, so there is nothing for data_file to keep")
        if self.bulk_problems not in (None, "errors", "warnings"):
            raise UsageError("bulk_problems must be `errors` or `warnings`")
        advertisers = {advertiser.id for advertiser in self.advertisers}
        accounts = {account.id for account in self.accounts}
        for app in self.apps:
            _check_defined(app, "advertisers", app.advertisers, advertisers)
            _check_defined(app, "accounts", app.accounts, accounts)
        check_rates(self.faults)


def _check_defined(app: App, kind: str, named: tuple[str, ...], known: set[str]) -> None:
    missing = [owner for owner in named if owner not in known]
    if missing:
        raise UsageError(f"client id {app.client_id} names {kind} that are not defined: {', '.join(missing)}")


def check_rates(rates: Mapping[str, float]) -> None:
    """Raise UsageError unless every fault is known and the probabilities leave room for each other."""
    for name, rate in rates.items():
        fault_named(name)
        if not 0 <= rate <= 1:
            raise UsageError(f"the rate of the fault {name} must be between 0 and 1")
    if sum(rates.values()) > 1:
        raise UsageError("the rates of all faults together must not be over 1")
