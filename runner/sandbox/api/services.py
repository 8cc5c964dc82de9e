"""The services of Criteo that the sandbox stands in for."""

from __future__ import annotations

from enum import StrEnum


class Service(StrEnum):
    """A service, by the name that it has in paths."""

    MARKETING_SOLUTIONS = "marketing-solutions"
    RETAIL_MEDIA = "retail-media"


PROBLEM_ARRAY = {Service.MARKETING_SOLUTIONS: "errors", Service.RETAIL_MEDIA: "warnings"}
"""Where the answer to a bulk call tells of the items that failed."""
