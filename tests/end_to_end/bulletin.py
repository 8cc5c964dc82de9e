"""A second platform, made up, as CONTRIBUTING describes how one is added: its kind and its client, in one module.

An audience of Bulletin is read by the people whose e-mail addresses or phone numbers it holds, in one edition for good.
Its "API" is a JSON file, which the environment names. `python -m tests.end_to_end.bulletin` is `headcount` with this
kind registered, which is the one line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner.core.destination import (
    Accepted,
    AdAccount,
    Again,
    Api,
    CallRules,
    Destination,
    DestinationField,
    DestinationKind,
    LiveAudience,
    Statistics,
    unnoticed,
)
from runner.core.errors import AccountNotUsable, AudienceGone, NameTaken
from runner.core.identifiers import IdentifierType, Operation

BOARD = "7"
"""The only account that there is."""


class Client:
    """See runner.core.destination.DestinationClient for what each method promises."""

    def __init__(self, destination: Destination, environ: Mapping[str, str], rules: CallRules) -> None:
        self._destination = destination
        self._file = Path(environ["BULLETIN_FILE"])
        self._permit = rules.permit

    def accounts(self) -> tuple[AdAccount, ...]:
        return (AdAccount(BOARD, "Town hall"),)

    def check_account(self) -> None:
        if self._destination.account_id != BOARD:
            raise AccountNotUsable("Bulletin does not know this board", f"use board {BOARD}")

    def now(self) -> datetime:
        return datetime.now(UTC)

    def audiences(self) -> tuple[LiveAudience, ...]:
        return tuple(_live(one, audience) for one, audience in self._read().items())

    def exists(self, audience_id: str) -> bool:
        return audience_id in self._read()

    def create(self, name: str, description: str, types: Collection[IdentifierType]) -> LiveAudience:
        audiences = self._read()
        if any(audience["name"] == name for audience in audiences.values()):
            raise NameTaken(f'Bulletin has an audience called "{name}"')
        made = str(1 + max(map(int, audiences), default=0))
        audiences[made] = {
            "name": name,
            "description": description,
            "created_at": self.now().isoformat(),
            "edition": self._destination.options["edition_id"],
            "members": [],
        }
        self._write(audiences)
        return _live(made, audiences[made])

    def update(self, audience_id: str, name: str, description: str) -> None:
        audiences = self._read()
        _one(audiences, audience_id).update(name=name, description=description)
        self._write(audiences)

    def delete(self, audience_id: str) -> None:
        self._write({one: audience for one, audience in self._read().items() if one != audience_id})

    def send(
        self,
        audience_id: str,
        operation: Operation,
        identifier_type: IdentifierType,
        identifiers: Sequence[str],
        again: Again = unnoticed,
    ) -> Accepted:
        audiences = self._read()
        audience = _one(audiences, audience_id)
        members, named = set(audience["members"]), {f"{identifier_type} {one}" for one in identifiers}
        audience["members"] = sorted(members | named if operation is Operation.ADD else members - named)
        self._write(audiences)
        return Accepted(len(identifiers), 0)

    def clear(self, audience_id: str, again: Again = unnoticed) -> None:
        audiences = self._read()
        _one(audiences, audience_id)["members"] = []
        self._write(audiences)

    def size(self, audience_id: str) -> int | None:
        return len(_one(self._read(), audience_id)["members"])

    def statistics(self, audience_id: str) -> Statistics:
        return Statistics(self.size(audience_id))

    def close(self) -> None:
        pass

    def _read(self) -> dict[str, Any]:
        self._permit()
        audiences: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}
        return audiences

    def _write(self, audiences: Mapping[str, Any]) -> None:
        self._file.write_text(json.dumps(audiences))


def _one(audiences: Mapping[str, Any], audience_id: str) -> dict[str, Any]:
    if audience_id not in audiences:
        raise AudienceGone(f"Bulletin has no audience {audience_id}")
    one: dict[str, Any] = audiences[audience_id]
    return one


def _live(audience_id: str, audience: Mapping[str, Any]) -> LiveAudience:
    made_at = datetime.fromisoformat(audience["created_at"])
    made_for = {"edition_id": audience["edition"]}
    return LiveAudience(audience_id, audience["name"], audience["description"], made_at, made_for=made_for)


def _number(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "examples": [BOARD],
        "type": ["string", "integer"],
        "errorMessage": f'must be a number, such as "{BOARD}"',
    }


BULLETIN = DestinationKind(
    type="bulletin",
    platform="Bulletin",
    title="a bulletin board",
    takes=frozenset({IdentifierType.EMAIL, IdentifierType.PHONE_NUMBER}),
    takes_advice="a bulletin is read by people, who have an address or a phone",
    account=DestinationField("board_id", BOARD, "a board", required=True, schema=_number("The board.")),
    options=(
        DestinationField(
            "edition_id", "1", "an edition", required=True, fixed_as="edition", schema=_number("The edition.")
        ),
    ),
    variables={"client_id": "BULLETIN_CLIENT_ID", "client_secret": "BULLETIN_CLIENT_SECRET"},
    no_account_hint="ask the town hall for a board",
    batch_size=2,
    connect=Client,
    api=lambda _: Api("Bulletin", "bulletin.example", "bulletin.example", "BULLETIN_URL"),
)

if __name__ == "__main__":
    from runner.cli.app import run
    from runner.destinations.registry import KINDS

    KINDS[BULLETIN.type] = BULLETIN
    sys.exit(run(sys.argv[1:]))
