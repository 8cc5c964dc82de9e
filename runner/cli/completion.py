"""What the shell offers on Tab where an activation is named: its ids, and the other words of a selection.

Whatever goes wrong, nothing is offered and nothing is said: the shell would print it in the middle of a line.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from runner.config.completion_index import Outline

COMPLETION_VARIABLE = "_HEADCOUNT_COMPLETE"
"""Set by the shell's script when it asks what could come next."""


def activations(ctx: typer.Context, incomplete: str) -> list[str]:
    """The ids that the files declare."""
    return [word for word in _outline(ctx).activations if word.startswith(incomplete)]


def patterns(ctx: typer.Context, incomplete: str) -> list[str]:
    """The ids, and `tag:`, `owner:`, `destination:` and `path:` with the words of the files."""
    found = _outline(ctx)
    kinds = {"tag": found.tags, "owner": found.owners, "destination": found.destinations, "path": found.paths}
    if not incomplete:
        return [*found.activations, *(f"{kind}:" for kind, words in kinds.items() if words)]
    # In full, for a shell puts a space behind the only word that fits, and `tag:` is none.
    offered = [*found.activations, *(f"{kind}:{word}" for kind, words in kinds.items() for word in words)]
    return [word for word in offered if word.startswith(incomplete)]


def targets(ctx: typer.Context, incomplete: str) -> list[str]:
    """The targets that the Project document declares."""
    return [word for word in _outline(ctx).targets if word.startswith(incomplete)]


def source_types(incomplete: str) -> list[str]:
    """The kinds of source that a starter can have."""
    from runner.starter import source_types

    return [word for word in source_types() if word.startswith(incomplete)]


def _outline(ctx: typer.Context) -> Outline:
    from runner.config.completion_index import Outline, outline

    folder = ctx.params.get("folder") or os.environ.get("HEADCOUNT_DIR") or "activations"
    try:
        return outline(Path(folder).expanduser())
    except Exception:  # noqa: BLE001 - a shell waits for words, not for an error
        return Outline()


def complete(answer: Callable[[], object]) -> int:
    """Answer the shell: `answer` writes what could come next to standard output."""
    out, code, prefix = io.StringIO(), 0, ""
    try:
        if os.environ.get(COMPLETION_VARIABLE) == "complete_bash":
            prefix = _joined_words()
        with redirect_stdout(out), redirect_stderr(io.StringIO()):
            answer()
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else 0
    except Exception:  # noqa: BLE001 - as above
        return 1
    # A tab stands between a word and its help; a word that could drive the terminal is no word.
    lines = [line.removeprefix(prefix) for line in out.getvalue().splitlines() if _can_be_offered(line)]
    if any(lines):
        typer.echo("\n".join(lines))
    return code


def _can_be_offered(line: str) -> bool:
    """Whether nothing in it drives a terminal, or stands for what would have."""
    return line.replace("\t", " ").isprintable() and "\ufffd" not in line


def _joined_words() -> str:
    """Put together what bash took apart at `:` and `=`, in its own variables; what it will keep of the last word.

    Bash hands over `tag:vip` as three words and replaces only the last one with what is answered.
    """
    words = os.environ.get("COMP_WORDS", "").split("\n")
    position = int(os.environ.get("COMP_CWORD") or 0)
    joined: list[str] = []
    kept = ""
    for word in [*words, ""][: position + 1]:
        kept = ""
        if len(joined) > 1 and (word == ":" or joined[-1].endswith(":")):
            joined[-1] += word
            kept = joined[-1] if word == ":" else joined[-1].removesuffix(word)
        elif word == "=":
            joined.append("")
        elif len(joined) > 1 and not joined[-1]:
            joined[-1] = word
        else:
            joined.append(word)
    os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = "\n".join(joined), str(len(joined) - 1)
    return kept
