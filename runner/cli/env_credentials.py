"""The credentials of the environment, for a project that declares no destination yet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.core.destination import Destination


def undeclared_destinations() -> tuple[Destination, ...]:
    """A destination without an account for each kind whose usual variables are set: a platform's services may share
    them, and which of these the credentials are for is not known.
    """
    from runner.core.destination import Credentials, Destination, Secret
    from runner.core.findings import Location
    from runner.destinations.registry import KINDS

    found: list[Destination] = []
    for kind in KINDS.values():
        values = [os.environ.get(variable, "") for variable in kind.variables.values()]
        if all(values):
            name = f"environment ({kind.title})" if found else "environment"
            credentials = Credentials(*map(Secret, values))
            found.append(Destination(name, kind, "", credentials, Location("environment", 1, 1)))
    return tuple(found)
