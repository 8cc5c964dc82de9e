"""A small shop for end-to-end tests: files, data, a state of its own, and the command line.

Its data holds a canary: an identity that must never appear in any output, log or file of the state.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest

from runner.cli import options
from runner.cli.app import run

CANARY = "canary.bird@leak-detector.example"
PEOPLE_COLUMNS = ("email", "idfa", "kind")


@dataclass(frozen=True, slots=True)
class Result:
    """What a command did: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Person:
    """One row of the shop's data."""

    email: str = ""
    idfa: str = ""
    kind: str = "all"


def sha(email: str) -> str:
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def mail(*numbers: int) -> list[Person]:
    """People with made-up addresses, by number."""
    return [Person(f"person-{number}@shop.example") for number in numbers]


def minutes_pass(monkeypatch: pytest.MonkeyPatch, minutes: float) -> None:
    """From now on this machine's clock is so much later, for commands that run in the test's own process."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(minutes=minutes)

    monkeypatch.setattr(options, "datetime", Later)


def hashes(*numbers: int) -> set[str]:
    """The wire forms of `mail(...)`."""
    return {sha(person.email) for person in mail(*numbers)}


class Shop:
    """A project folder under test, with a Criteo (the sandbox) to talk to."""

    def __init__(self, folder: Path, url: str, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("CRITEO_", "HEADCOUNT_"))},
            "CRITEO_API_URL": url,
            "CRITEO_CLIENT_ID": "sandbox",
            "CRITEO_CLIENT_SECRET": "sandbox",
            "NO_COLOR": "1",
            "XDG_CACHE_HOME": str(folder.with_name(f"{folder.name}-cache")),
            **(environment or {}),
        }
        self.outputs: list[str] = []
        self.write("activations/shop.yaml", SHOP)
        self.people(mail(1, 2, 3))

    # -- files -------------------------------------------------------------------------------------------------

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def remove(self, path: str) -> None:
        (self.folder / path).unlink()

    def people(self, rows: Iterable[Person]) -> None:
        """Who is in the data from now on; the canary is always in it, outside of every segment but `everyone`."""
        target = self.folder / "data" / "people.csv"
        target.parent.mkdir(exist_ok=True)
        with target.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(PEOPLE_COLUMNS)
            writer.writerow([CANARY, "", "canary"])
            writer.writerows([person.email, person.idfa, person.kind] for person in rows)

    def activation(self, id: str = "loyal", **lines: Any) -> None:
        """Declare an activation over `shop.people`; a keyword is a top-level key of its document, as JSON."""
        sql = lines.pop("sql", "select email, idfa from shop.people where kind <> 'canary'")
        document = {
            "kind": "Activation",
            "id": id,
            "segment": {"name": lines.pop("name", id.title()), "sql": sql},
            **lines,
        }
        self.write(f"activations/{id}.yaml", json.dumps(document))

    # -- commands ----------------------------------------------------------------------------------------------

    def run(self, *arguments: str, code: int | None = 0, **environment: str) -> Result:
        """Run `headcount` in this process; the exit code must be `code` unless that is None."""
        out, err = io.StringIO(), io.StringIO()
        with self._as_if_started_here(environment), redirect_stdout(out), redirect_stderr(err):
            returned = run(list(arguments))
        result = Result(returned, out.getvalue(), err.getvalue())
        self.outputs += [result.out, result.err]
        assert code is None or result.code == code, f"exit {result.code}\n{result.out}\n{result.err}"
        assert "Traceback" not in result.err, result.err
        return result

    @contextmanager
    def _as_if_started_here(self, environment: Mapping[str, str]) -> Iterator[None]:
        logger = logging.getLogger("headcount")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(sys, "stdin", io.StringIO())
            for name in set(os.environ) - set(self.environment):
                patch.delenv(name)
            for name, value in {**self.environment, **environment}.items():
                patch.setenv(name, value)
            handlers, level = list(logger.handlers), logger.level
            try:
                yield
            finally:
                logger.handlers[:] = handlers
                logger.setLevel(level)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start `headcount` in a process of its own, which can be killed."""
        return subprocess.Popen(
            [sys.executable, "-m", "runner", *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def git(self, *arguments: str) -> str:
        """Run git in the folder, as nobody in particular and with no settings of this machine; what it prints."""
        identity = ("-c", "user.name=Test", "-c", "user.email=test@shop.example", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.folder,
            env={**self.environment, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
            capture_output=True,
            check=True,
            text=True,
        )
        return done.stdout

    def plan(self, *arguments: str, code: int | None = 0) -> dict[str, dict[str, Any]]:
        """The planned changes by activation id."""
        document = self.run("plan", "--format", "json", *arguments, code=code).json
        return {change["id"]: change for change in document["changes"]}

    def apply(self, *arguments: str, code: int | None = 0) -> Result:
        return self.run("apply", "--yes", *arguments, code=code)

    def state_files(self) -> list[Path]:
        return sorted(path for path in (self.folder / ".headcount").rglob("*") if path.is_file())


SHOP = """\
kind: Source
name: shop
type: files
tables:
  people: ../data/people.csv
---
kind: Destination
name: criteo
type: criteo
advertiser_id: "12345"
credentials:
  client_id: "{{ env('CRITEO_CLIENT_ID') }}"
  client_secret: "{{ env('CRITEO_CLIENT_SECRET') }}"
defaults:
  mapping: {email: email}
"""
