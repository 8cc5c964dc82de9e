"""The ad accounts of a run: one client per destination, one search per account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runner.core.destination import Connect, Destination, DestinationClient, LiveAudience
from runner.core.errors import DestinationError, InvalidProject
from runner.core.findings import Finding
from runner.core.records import AccountRef, AppliedAudience


class Accounts:
    """Connections by destination name and audiences by account, each fetched once; a failure is remembered as well."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._clients: dict[str, DestinationClient] = {}
        self._usable: dict[str, DestinationError | None] = {}
        self._live: dict[AccountRef, tuple[LiveAudience, ...]] = {}
        self._readers: dict[AccountRef, DestinationClient] = {}

    def client(self, destination: Destination) -> DestinationClient:
        if destination.name not in self._clients:
            self._clients[destination.name] = self._connect(destination)
        return self._clients[destination.name]

    def live(self, destination: Destination) -> tuple[LiveAudience, ...]:
        """The account's audiences, read at most once in a run. Raises DestinationError (the same one every time)."""
        if destination.name not in self._usable:
            self._usable[destination.name] = self._look(destination)
        failure = self._usable[destination.name]
        if failure is not None:
            raise failure
        return self._live[destination.account]

    def live_of_each(
        self, destinations: Iterable[Destination]
    ) -> tuple[Mapping[AccountRef, tuple[LiveAudience, ...]], Mapping[str, DestinationError]]:
        """The audiences of each account, and why one could not be read, by the destination's name."""
        live: dict[AccountRef, tuple[LiveAudience, ...]] = {}
        failures: dict[str, DestinationError] = {}
        for destination in destinations:
            try:
                live[destination.account] = self.live(destination)
            except DestinationError as error:
                failures[destination.name] = error
        return live, failures

    def reader(self, account: AccountRef) -> DestinationClient:
        """The client with which the account was read; it certainly has the rights for it."""
        return self._readers[account]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _look(self, destination: Destination) -> DestinationError | None:
        account = destination.account
        try:
            client = self.client(destination)
            client.check_account()
            if account not in self._live:
                self._live[account] = client.audiences()
                self._readers[account] = client
        except DestinationError as error:
            return error
        return None


def way_to(record: AppliedAudience, destinations: Iterable[Destination]) -> Destination | None:
    """The destination of the files by which people leave an audience; None where none uses its account.

    Several may use one account. People are in the audience by the options with which they were sent, and mean others by
    the same identifiers under other options; credentials may not be there for a destination that no activation uses.
    """
    sent_with = record.definition.options if record.definition is not None else {}

    def unfit(one: Destination) -> tuple[bool, bool, bool]:
        unlike = any(one.options.get(name) != value for name, value in sent_with.items())
        return unlike, bool(one.credentials.missing), one.name != record.destination

    return min((one for one in destinations if one.account == record.account), key=unfit, default=None)


def require_credentials(destinations: Iterable[Destination]) -> None:
    """Raise InvalidProject for every credential whose environment variable is not set."""
    findings = [
        Finding(
            location=part.location,
            code="missing-credential",
            message=f'environment variable {part.variable} is not set; destination "{destination.name}" needs it',
            hint="set it in the environment, never in the file",
        )
        for destination in destinations
        for part in destination.credentials.missing
    ]
    if findings:
        raise InvalidProject(tuple(sorted(findings)))
