"""The credentials of the environment, for a project that declares no destination yet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.core.project import Destination

_NAMES = ("CRITEO_CLIENT_ID", "CRITEO_CLIENT_SECRET")
_KINDS = (("environment", "criteo"), ("environment (retail media)", "criteo-retail-media"))


def missing_variables() -> tuple[str, ...]:
    """Which of the usual variables are not set."""
    return tuple(name for name in _NAMES if not os.environ.get(name))


def undeclared_destinations() -> tuple[Destination, ...]:
    """A destination without an account for each of Criteo's services: nobody knows which of them the credentials are
    for. None where they are not set.
    """
    from runner.core.findings import Location
    from runner.core.project import Credentials, Destination, Secret

    if missing_variables():
        return ()
    client_id, client_secret = (Secret(os.environ[name]) for name in _NAMES)
    credentials = Credentials(client_id, client_secret)
    return tuple(Destination(name, kind, "", credentials, Location("environment", 1, 1)) for name, kind in _KINDS)
