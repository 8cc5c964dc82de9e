"""Runs the shell steps of a CI template as its platform would, in a shop's folder.

Everything is the template's own but four programs: `headcount` and `python` are those of this test; an installation is
noted and not done; `gh` keeps comments in a folder; `sleep` returns at once.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.end_to_end.shop import Result, Shop

ROOT = Path(__file__).resolve().parents[2]

_PROGRAMS = {
    "headcount": f'#!/usr/bin/env bash\nexec {sys.executable} -m runner "$@"\n',
    "python": f"""#!/usr/bin/env bash
if [ "$1 $2 $3" = "-m pip install" ]; then echo "$@" >> "$STUBS/installed"; exit 0; fi
exec {sys.executable} "$@"
""",
    "sleep": '#!/usr/bin/env bash\necho "$@" >> "$STUBS/slept"\n',
    "gh": f"#!{sys.executable}\n" + Path(__file__).with_name("gh_stub.py").read_text(encoding="utf-8"),
}


def read(path: str) -> dict[str, Any]:
    """A template; YAML 1.1 reads the key `on` as true."""
    document = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return {"on" if key is True else key: value for key, value in document.items()}


class Pipeline:
    """A machine of a CI platform with the shop checked out."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.folder = folder
        programs = folder / "programs"
        programs.mkdir()
        for name, text in _PROGRAMS.items():
            (programs / name).write_text(text, encoding="utf-8")
            (programs / name).chmod(0o755)
        self.environment = {
            **shop.environment,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "STUBS": str(folder),
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_WORKSPACE": str(shop.folder),
            "GITHUB_REPOSITORY": "shop/audiences",
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        }

    def file(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def check_out_pull_request(self) -> None:
        """What has changed in the files since the last call is a pull request; GitHub checks it out as if merged."""
        git = self.shop.git
        if not (self.shop.folder / ".git").exists():
            git("init", "--quiet", "--initial-branch=main")
            git("commit", "--quiet", "--allow-empty", "--message=Begin")
        git("switch", "--quiet", "--create", "change")
        git("add", "activations")
        git("commit", "--quiet", "--allow-empty", "--message=Change")
        git("switch", "--quiet", "main")
        git("merge", "--quiet", "--no-ff", "--message=Merge", "change")
        git("branch", "--quiet", "--delete", "change")
        self.environment["GITHUB_EVENT_NAME"] = "pull_request"

    def github(self, document: Mapping[str, Any], job: str, values: Mapping[str, str]) -> Result:
        """Run a job's steps up to the first that fails; `values` are what its expressions come to, all of them."""
        result = Result(0, "", "")
        described = document["jobs"][job]
        for step in described["steps"]:
            if "run" not in step:
                continue
            given = {**document.get("env", {}), **described.get("env", {}), **step.get("env", {})}
            environment = {name: _evaluated(text, values) for name, text in given.items()}
            done = self._run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], environment)
            result = Result(done.code, result.out + done.out, result.err + done.err)
            if done.code:
                break
        return result

    def gitlab(self, document: Mapping[str, Any], job: str) -> Result:
        """Run a job's script after the common `before_script`, as one shell."""
        lines = [*document["default"]["before_script"], *document[job]["script"]]
        return self._run(["bash", "-eo", "pipefail", "-c", "\n".join(lines)], dict(document.get("variables", {})))

    def _run(self, command: list[str], environment: Mapping[str, str]) -> Result:
        done = subprocess.run(
            command,
            cwd=self.shop.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.shop.outputs += [done.stdout, done.stderr]
        return Result(done.returncode, done.stdout, done.stderr)


def _evaluated(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{\s*(.*?)\s*\}\}", lambda found: values[found[1]], str(text))
