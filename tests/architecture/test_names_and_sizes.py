"""How things are called and described, and how large they may grow."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.architecture.modules import MODULES, PACKAGE, Module

ROOT = PACKAGE.parent

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


SPOKEN_WORDS = r"\b(anew|for want of|whoever|told|mend(s|ed|ing)?|ere|thereof|hence|lest)\b"
"""Words that a message or a page does without: a plainer one says the same."""

PAGES = ("*.md", "docs/**/*.md", "schemas/*.json", "activations/*.yaml")


def _messages(module: Module) -> Iterator[tuple[int, str]]:
    """The texts of a module that a user may read, with their lines: all but what documents the code.

    What documents a command is its help.
    """
    helping = str(module).startswith("cli/commands/")
    documenting = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Expr) and not helping}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documenting:
            yield node.lineno, node.value


def test_messages_and_pages_are_in_plain_words() -> None:
    texts = [(f"{module}:{line}", text) for module in MODULES for line, text in _messages(module)]
    for page in [path for pattern in PAGES for path in ROOT.glob(pattern)]:
        lines = enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        texts += [(f"{page.relative_to(ROOT)}:{number}", line) for number, line in lines]
    assert [f"{place}: {text}" for place, text in texts if re.search(SPOKEN_WORDS, text, re.IGNORECASE)] == []


def test_no_stale_word_is_left() -> None:
    offenders = [
        f"{module}:{number}: {line.strip()}"
        for module in MODULES
        for number, line in enumerate(module.text.splitlines(), 1)
        if re.search(STALE_WORDS, line, re.IGNORECASE)
    ]
    assert offenders == []
