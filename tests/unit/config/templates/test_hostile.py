"""Templates that would use up the machine end in a finding, within little memory."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.unit.config.templates.hostile import HOSTILE

MEMORY = 700 * 2**20
"""Bytes of address space that the process has: the interpreter and its libraries take half of it."""

_CHILD = """
import json, resource, sys
from datetime import date

resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))

from runner.config.templates.render import Scope, render
from runner.config.templates.template_types import TemplateErrors
from tests.unit.config.templates.hostile import HOSTILE

found = {}
for name, template in HOSTILE.items():
    try:
        found[name] = f"{len(render(template, Scope('an Activation', date(2026, 1, 1), {})))} characters"
    except TemplateErrors as errors:
        found[name] = errors.problems[0].code
print(json.dumps(found))
"""


def test_every_hostile_template_is_refused_within_little_memory() -> None:
    done = subprocess.run([sys.executable, "-c", _CHILD, str(MEMORY)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes = json.loads(done.stdout)
    assert outcomes.keys() == HOSTILE.keys()
    allowed = {"template-too-large", "template-failed", "template-refused", "template-syntax"}
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in allowed} == {}
