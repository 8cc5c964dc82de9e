"""A destination: what the files declare of it, what its kind can do, and how one talks to it.

A kind (`DestinationKind`) is an adapter's word about itself; `runner.destinations.registry` lists them. An adapter's
`DestinationClient`
- MUST answer `audiences()` with every audience of the account, in as few calls as its API allows,
- MUST retry by itself what can heal (throttling, outages, an expired token) for idempotent calls,
- MUST raise AnswerLost, not retry, when a `create` may have taken effect,
- MUST treat an item that was rejected inside a successful answer as a failure,
- MUST keep identifiers out of every message and log.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from runner.core.checks import Check
from runner.core.findings import Location
from runner.core.identifiers import IdentifierType, Operation
from runner.core.records import AccountRef
from runner.quick_dataclass import dataclass, field


class Secret:
    """A value that must never be shown: it prints as `***` and gives itself up only to `reveal()`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True)
class MissingSecret:
    """A credential whose environment variable is not set: fine for `validate`, a finding for an apply."""

    variable: str
    location: Location


@dataclass(frozen=True, slots=True)
class Credentials:
    """OAuth client credentials, each resolved or known to be missing."""

    client_id: Secret | MissingSecret
    client_secret: Secret | MissingSecret

    @property
    def missing(self) -> tuple[MissingSecret, ...]:
        return tuple(part for part in (self.client_id, self.client_secret) if isinstance(part, MissingSecret))


@dataclass(frozen=True, slots=True, eq=False)
class DestinationField:
    """A field that a kind of destination has of its own in the files, and what its value means for an audience.

    The value is text in plain digits where `number_of` says whose number it is ("a retailer"), a whole number
    otherwise. `fixed_as` is what an audience is made for once and for all, in a word; empty where the value may change
    later. `goes_with` is the identifier type that cannot be sent without it: members that were sent under one value
    mean nothing under another. `hint` is where one gets the value from. `schema` is its JSON Schema, where the
    published file has none.
    """

    name: str
    example: str
    number_of: str = ""
    required: bool = False
    fixed_as: str = ""
    goes_with: IdentifierType | None = None
    hint: str = ""
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class CallRules:
    """How a client may call: `sleep` waits, `permit` is asked right before each call and raises when none may leave.

    `patience` is for how many seconds what can heal is tried again.
    """

    sleep: Callable[[float], None]
    permit: Callable[[], None]
    patience: float


@dataclass(frozen=True, slots=True)
class Api:
    """Where a platform's API is: `address` in this environment, `usual` for everybody; `variable` sets another."""

    platform: str
    address: str
    usual: str
    variable: str

    @property
    def is_usual(self) -> bool:
        return self.address == self.usual

    def way_to(self, address: str) -> str:
        """What to do in order to speak to an address."""
        return f"unset {self.variable}" if address == self.usual else f"set {self.variable}={address}"


@dataclass(frozen=True, slots=True, eq=False)
class DestinationKind:
    """What an adapter says of one kind of destination. `type` is its name in the files.

    `platform` is whom sentences name ("Criteo"), `title` which of its services this is. `takes` are the identifier
    types, `takes_advice` what to do about another one; `one_type` says that an audience holds one type, fixed when it
    is made. `account` is the field with the ad account's number, `options` are the kind's other fields.
    `variables` are the environment variables that usually hold the parts of the credentials. `batch_size` is
    identifiers per call, `rate_limit` calls a minute, where the files say nothing. `no_account_hint` is what to do when
    the credentials may use no account. `connect` opens a client without a call (given the environment), `api` says
    where it would call, `check_version` what there is to say of the version in use.
    """

    type: str
    platform: str
    title: str
    takes: frozenset[IdentifierType]
    takes_advice: str
    account: DestinationField
    variables: Mapping[str, str]
    connect: Callable[[Destination, Mapping[str, str], CallRules], DestinationClient]
    api: Callable[[Mapping[str, str]], Api]
    options: tuple[DestinationField, ...] = ()
    one_type: bool = False
    batch_size: int = 50_000
    rate_limit: int = 250
    no_account_hint: str = ""
    check_version: Callable[[Mapping[str, str], date], Iterable[Check]] = lambda *_: ()

    @property
    def fields(self) -> tuple[DestinationField, ...]:
        """Every field of the kind's own."""
        return (self.account, *self.options)


@dataclass(frozen=True, slots=True)
class Destination:
    """One ad account with its credentials, as declared; `options` are its kind's other fields, those that are set."""

    name: str
    kind: DestinationKind
    account_id: str
    credentials: Credentials
    location: Location
    options: Mapping[str, str | int] = field(default_factory=dict)
    batch_size: int = 50_000
    rate_limit: int = 250

    @property
    def type(self) -> str:
        """The kind's name in the files."""
        return self.kind.type

    @property
    def account(self) -> AccountRef:
        return AccountRef(self.type, self.account_id)


@dataclass(frozen=True, slots=True)
class AdAccount:
    """An ad account that the credentials may use."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class LiveAudience:
    """An audience as the destination shows it now; times are aware, in UTC, None where it does not say.

    `identifier_type` and `made_for` (option -> value) are what an audience was made for and cannot change any more;
    None, or left out, where the destination does not say. `other_kind` is the destination's word for what can hold no
    members of ours (`InMarket`, ...) and only takes up its name; empty for a contact list.
    """

    id: str
    name: str
    description: str
    created_at: datetime | None = None
    read_only: bool = False
    identifier_type: IdentifierType | None = None
    made_for: Mapping[str, str] = field(default_factory=dict)
    other_kind: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The destination's answer to a batch: how many identifiers it found well-formed and how many not."""

    valid: int
    invalid: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a destination counts of an audience: identifiers, and those that it matched; None for what it does not say.

    It lags behind by hours.
    """

    identifiers: int | None
    matches: int | None = None


Again = Callable[[bool], None]
"""Called right before a call is made once more, with whether the attempt before it may have an effect, now or later.

What it raises ends the call.
"""


def unnoticed(_: bool, /) -> None:
    """For a call that is made again without anybody having to know."""


class DestinationClient(Protocol):
    """A destination one can talk to. Every method may raise DestinationError."""

    def accounts(self) -> tuple[AdAccount, ...]:
        """The ad accounts the credentials may use."""

    def check_account(self) -> None:
        """Raise AccountNotUsable, naming the usable ones, unless the credentials may use this destination's account."""

    def now(self) -> datetime:
        """The destination's clock (aware, UTC), as its last answer gave it; the machine's before any answer."""

    def audiences(self) -> tuple[LiveAudience, ...]:
        """Every audience of the account, those of other kinds too: names are unique across kinds."""

    def exists(self, audience_id: str) -> bool:
        """Whether the account has this one audience, asked for by its id: a listing may have missed it."""

    def create(self, name: str, description: str, types: Collection[IdentifierType]) -> LiveAudience:
        """Create an empty audience. Raises NameTaken, AnswerLost."""

    def update(self, audience_id: str, name: str, description: str) -> None:
        """Set name and description. Raises AudienceGone, NameTaken."""

    def delete(self, audience_id: str) -> None:
        """Delete the audience; one that is already gone is no error."""

    def send(
        self,
        audience_id: str,
        operation: Operation,
        identifier_type: IdentifierType,
        identifiers: Sequence[str],
        again: Again = unnoticed,
    ) -> Accepted:
        """Add or remove identifiers (at most the destination's batch size). Raises AudienceGone.

        `untouched` of a DestinationError says that the last attempt certainly had no effect.
        """

    def clear(self, audience_id: str, again: Again = unnoticed) -> None:
        """Empty the audience. Raises AudienceGone."""

    def size(self, audience_id: str) -> int | None:
        """How many identifiers the destination says the audience has; lags behind, None where it does not say."""

    def statistics(self, audience_id: str) -> Statistics:
        """The same, with how many of them it matched. Raises AudienceGone."""

    def close(self) -> None:
        """Give back sockets."""


Connect = Callable[[Destination], DestinationClient]
"""Opens a connection for a destination of the files."""
