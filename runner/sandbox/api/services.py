"""The services of Criteo that the sandbox stands in for."""

from __future__ import annotations

from enum import StrEnum


class CriteoService(StrEnum):
    """A service, by the name that it has in paths."""

    MARKETING_SOLUTIONS = "marketing-solutions"
    RETAIL_MEDIA = "retail-media"


PROBLEM_ARRAY = {CriteoService.MARKETING_SOLUTIONS: "errors", CriteoService.RETAIL_MEDIA: "warnings"}
"""Where the answer to a bulk call tells of the items that failed."""
