"""How things are called and described, and how large they may grow."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict

from tests.architecture.modules import MODULES

SHARED_NAMES = {
    "__init__.py": "what a package offers",
    "interface.py": "the interface of a seam, in the seam's folder",
    "doctor.py": "the command, and the workflow behind it",
    "registry.py": "what kinds there are, in the seam's folder",
}
"""File names that occur more than once, and why."""

STALE_WORDS = r"\b(anew|for want of|as told of|mend(s|ed|ing)?|ere|thereof)\b"
"""Words that a colleague would not say."""


def test_a_file_has_at_most_450_lines() -> None:
    sizes = {str(module): len(module.text.splitlines()) for module in MODULES}
    assert {name: size for name, size in sizes.items() if size > 450} == {}


def test_a_function_has_at_most_50_lines() -> None:
    sizes = {
        f"{module}: {one.name}": (one.end_lineno or one.lineno) - one.lineno + 1
        for module in MODULES
        for one in module.functions
    }
    assert {name: size for name, size in sizes.items() if size > 50} == {}


def test_modules_and_what_they_offer_say_what_they_are_for() -> None:
    silent = [str(module) for module in MODULES if module.text and not ast.get_docstring(module.tree)]
    silent += [f"{module}: {one.name}" for module in MODULES for one in module.public if not ast.get_docstring(one)]
    assert silent == []


def test_a_file_name_is_given_once() -> None:
    counts = Counter(module.path.name for module in MODULES)
    assert {name for name, count in counts.items() if count > 1} - set(SHARED_NAMES) == set()


def test_the_name_of_a_public_class_is_given_once() -> None:
    owners = defaultdict(list)
    for module in MODULES:
        for one in module.public:
            if isinstance(one, ast.ClassDef):
                owners[one.name].append(str(module))
    assert {name: found for name, found in owners.items() if len(found) > 1} == {}


def test_at_most_three_modules_lie_at_the_root() -> None:
    assert len([module for module in MODULES if "/" not in str(module)]) <= 3


def test_no_stale_word_is_left() -> None:
    offenders = [
        f"{module}:{number}: {line.strip()}"
        for module in MODULES
        for number, line in enumerate(module.text.splitlines(), 1)
        if re.search(STALE_WORDS, line, re.IGNORECASE)
    ]
    assert offenders == []
