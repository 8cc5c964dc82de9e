"""Templates that would use up the machine end in a finding, within little memory."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.unit.config.templates.hostile import HOSTILE

MEMORY = 700 * 2**20
"""Bytes of address space that the process has: the interpreter and its libraries take half of it."""

_CHILD = """
import json, resource, sys
from datetime import date

resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))

from runner.config.templates.render import Scope, evaluate, render
from runner.config.templates.template_types import TemplateErrors
from tests.unit.config.templates.hostile import HOSTILE

found = {}
for name, template in HOSTILE.items():
    for where, fill, dialect in (("", render, None), (", in SQL", render, "spark"), (", as a value", evaluate, None)):
        if fill is evaluate and template.startswith("{%"):
            continue  # it is no single value
        try:
            fill(template, Scope("an Activation", date(2026, 1, 1), {}, dialect=dialect))
            found[name + where] = "it is filled in"
        except TemplateErrors as errors:
            found[name + where] = errors.problems[0].code
print(json.dumps(found))
"""


@pytest.mark.slow
def test_every_hostile_template_is_refused_within_little_memory() -> None:
    done = subprocess.run([sys.executable, "-c", _CHILD, str(MEMORY)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes = json.loads(done.stdout)
    assert len(outcomes) > 2 * len(HOSTILE)
    allowed = {"template-too-large", "template-failed", "template-refused", "template-syntax", "quote-in-sql"}
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in allowed} == {}
