"""Headcount: Criteo audiences kept as YAML files in git say they should be."""

__version__ = "0.1.0"
