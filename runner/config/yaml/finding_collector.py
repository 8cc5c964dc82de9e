"""Where findings are gathered while the files are read: each gets its source line, unless that may hold a secret."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from runner.config.yaml.nodes import Entry, MapNode, Node, Span, TextFile
from runner.core.findings import MOST_FINDINGS, Finding, Location, bounded, for_entries

_SECRETIVE = re.compile(
    r"secret|client_?-?id|credential|password|token|api_?-?key|private_?-?key|webhook|//hooks?\."
    r"|://[^\s/@]*:[^\s/@]+@",
    re.IGNORECASE,
)
_PRIVATE = ("credentials", "auth", "uri", "url")
"""The fields that hold credentials, or may by mistake."""
_REFERENCE = re.compile(r"""env\(\s*(['"])[A-Za-z0-9_]*\1\s*\)""")
_INDENT = re.compile(r"[ \t]*")


class Findings:
    """Collects what is wrong. Nothing it keeps shows a line on or below which a credential may be written."""

    def __init__(self) -> None:
        self._found: dict[Finding, dict[str, None]] = {}
        self._recorded = 0
        self._private: dict[str, set[int]] = {}

    def __len__(self) -> int:
        """How many were recorded, those included that were too many to be kept."""
        return self._recorded

    def for_entry(self, entry: str) -> Findings:
        """A way to record what is wrong with one document of a family: the same findings, with the entry named."""
        return _FindingsOfEntry(self, entry)

    def add(self, file: TextFile, span: Span, code: str, message: str, hint: str = "", *, entry: str = "") -> None:
        """Record a finding at a place in a file; `entry` names the one of a family that it is about."""
        if self._is_full():
            return
        line = span.line
        excerpt = "" if line in self._private_lines(file) else file.line(line)
        location = Location(file.name, line, span.column)
        finding = Finding(location, code, message, hint, excerpt, max(1, span.length))
        self._found.setdefault(finding, {}).update({entry: None} if entry else {})

    def add_nowhere(self, name: str, code: str, message: str, hint: str = "") -> None:
        """Record a finding about a file or folder as a whole, of which no line can be shown."""
        if not self._is_full():
            self._found.setdefault(Finding(Location(name, 0, 0), code, message, hint), {})

    def keep_private(self, file: TextFile, root: Node) -> None:
        """Never show the lines that a document's credentials stand on, however they are laid out."""
        entries = [entry for key in _PRIVATE if isinstance(root, MapNode) and (entry := root.entries.get(key))]
        for entry in (*entries, *_webhooks(root)):
            last = max(entry.value.span.line, getattr(entry.value, "end_line", 0))
            self._private_lines(file).update(range(entry.key.line, last + 1))

    def take_over(self, other: Findings, codes: Collection[str]) -> None:
        """Record what another collector found of these codes."""
        taken = {finding: entries for finding, entries in other._found.items() if finding.code in codes}
        self._found |= taken
        self._recorded += len(taken)

    def sorted(self) -> tuple[Finding, ...]:
        """Everything found, each once, by file, line and column.

        Where the YAML itself is wrong, what follows from that is left out. Of too many, the first that were recorded.
        """
        broken = {finding.location for finding in self._found if finding.code.startswith("yaml-")}
        shown = (found for found in self._found if found.location not in broken or found.code.startswith("yaml-"))
        return bounded(for_entries(finding, tuple(self._found[finding])) for finding in shown)

    def _is_full(self) -> bool:
        """Count one more, and say whether it is one too many: one beyond the most is kept, by which it is known."""
        self._recorded += 1
        return len(self._found) > MOST_FINDINGS

    def _private_lines(self, file: TextFile) -> set[int]:
        if file.name not in self._private:
            self._private[file.name] = _secretive(file.lines)
        return self._private[file.name]


class _FindingsOfEntry(Findings):
    """Hands everything on to the findings of all files."""

    def __init__(self, every: Findings, entry: str) -> None:
        super().__init__()
        self._every = every
        self._entry = entry

    def __len__(self) -> int:
        return len(self._every)

    def add(self, file: TextFile, span: Span, code: str, message: str, hint: str = "", *, entry: str = "") -> None:
        self._every.add(file, span, code, message, hint, entry=entry or self._entry)

    def add_nowhere(self, name: str, code: str, message: str, hint: str = "") -> None:
        self._every.add_nowhere(name, code, message, hint)

    def keep_private(self, file: TextFile, root: Node) -> None:
        self._every.keep_private(file, root)

    def take_over(self, other: Findings, codes: Collection[str]) -> None:
        self._every.take_over(other, codes)

    def sorted(self) -> tuple[Finding, ...]:
        return self._every.sorted()


def _webhooks(node: Node, *, notified: bool = False) -> Iterator[Entry]:
    """The addresses below every `notify`."""
    for key, entry in node.entries.items() if isinstance(node, MapNode) else ():
        if notified and key == "url":
            yield entry
        yield from _webhooks(entry.value, notified=notified or key == "notify")


def _secretive(lines: tuple[str, ...]) -> set[int]:
    """The lines that speak of credentials, and those indented below them: what a broken file allows to know."""
    private: set[int] = set()
    depth: int | None = None
    for number, line in enumerate(lines, start=1):
        match = _INDENT.match(line)
        indent = match.end() if match else 0
        if depth is not None and line.strip() and indent <= depth:
            depth = None
        if _SECRETIVE.search(_REFERENCE.sub("", line)):
            depth = indent if depth is None else depth
        if depth is not None:
            private.add(number)
    return private
