"""`sandbox`: a local stand-in for Criteo's API."""

from __future__ import annotations
