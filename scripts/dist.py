"""Build what a release holds into `dist/`: what `make dist` runs.

headcount-X.Y.Z-py3-none-any.whl   the wheel, the same to the byte on every machine
headcount-X.Y.Z.tar.gz             the sources
requirements-remote.txt            the wheel and all it needs for CI, each by version and hash
requirements-serve.txt             the same for `headcount serve` and the sandbox
requirements-report.txt            the same for `headcount report`
requirements-postgres.txt, ...     the same for CI with the driver of a warehouse
SHA256SUMS                         the hashes of these files
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / ".ci" / "requirements"
WAREHOUSES = ("postgres", "snowflake", "bigquery", "spark", "flightsql")
EXTRAS = {
    "remote": "remote",
    "serve": "remote,sandbox,serve",
    "report": "remote,report",
    **{name: f"remote,{name}" for name in WAREHOUSES},
}
"""What is installed by each of the files of requirements."""

HEAD = """\
# Headcount {version} and all that it needs, by version and hash:
#   python -m pip install --require-hashes --only-binary :all: --requirement {name}
# The wheel is looked for beside this file and in pip's index. The hash says that it is this one.
--find-links .
headcount[{extras}]=={version} --hash=sha256:{digest}

"""


def main(target: Path = ROOT / "dist") -> None:
    """Fill the folder `target`, which is made empty before."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(target)], cwd=ROOT, check=True)
    (wheel,) = target.glob("*.whl")
    for name, extras in EXTRAS.items():
        (target / f"requirements-{name}.txt").write_text(requirements(wheel, name, extras), encoding="utf-8")
    sums = "".join(f"{sha256(path)}  {path.name}\n" for path in sorted(target.iterdir()))
    (target / "SHA256SUMS").write_text(sums, encoding="utf-8")


def requirements(wheel: Path, name: str, extras: str) -> str:
    """The text of a file of requirements: the wheel, then the pinned packages of these extras."""
    version = wheel.name.split("-")[1]
    head = HEAD.format(name=f"requirements-{name}.txt", version=version, extras=extras, digest=sha256(wheel))
    return head + (PINS / f"{name}.txt").read_text(encoding="utf-8")


def sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
