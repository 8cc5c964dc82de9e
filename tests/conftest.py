"""What holds for all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.memory import in_memory

# How long one example takes says more about the machine than about the code.
settings.register_profile("headcount", deadline=None)
settings.load_profile("headcount")


def pytest_configure(config: pytest.Config) -> None:
    """Put temporary folders into memory, unless someone has said where they should be."""
    folder = in_memory()
    if folder is not None and config.option.basetemp is None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder))
