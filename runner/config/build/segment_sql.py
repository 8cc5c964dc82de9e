"""A segment's SQL: written in the YAML or in a file beside it, filled in, with the way back to where it stands."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from runner.config.yaml.finding_collector import Findings
from runner.config.yaml.project_files import ProjectFiles, shown_path
from runner.core.suggest import quoted_word
from runner.config.yaml.nodes import Document, MapNode, ScalarNode, TextFile
from runner.config.yaml.source_map import Origin, origin_of
from runner.config.templates.render import Scope, render
from runner.config.templates.template_types import TemplateErrors
from runner.core.project import SqlText


def read_sql(
    fields: MapNode, document: Document, scope: Scope, files: ProjectFiles, found: Findings
) -> tuple[SqlText, str] | None:
    """The SQL of a segment's fields and its fingerprint; None after findings. A file must lie in the project."""
    node = fields.get("sql")
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        origin = origin_of(node, document.file)
        return _filled(node.value, origin, node, document, scope, found)
    node = fields.get("file")
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return None
    file = _sql_file(node, node.value, document, files, found)
    if file is None:
        return None
    return _filled(file.text, Origin(file, 1), node, document, scope, found)


def _sql_file(node: ScalarNode, path: str, document: Document, files: ProjectFiles, found: Findings) -> TextFile | None:
    if Path(path).is_absolute():
        message = "the path must be relative to this YAML file, such as segments/loyal.sql"
        found.add(document.file, node.span, "outside-project", message)
        return None
    full = Path(os.path.normpath(document.file.path.parent / path))
    if not Path(os.path.realpath(full)).is_relative_to(files.tree):
        message = f"{quoted_word(path)} lies outside of the project; put the file beside this one"
        found.add(document.file, node.span, "outside-project", message)
        return None
    if not full.is_file():
        what = "is a folder" if full.is_dir() else "does not exist"
        message = f"the file {quoted_word(path)} {what}; the path is relative to this YAML file"
        found.add(document.file, node.span, "no-sql-file", message)
        return None
    name = os.path.normpath(Path(document.file.name).parent / path)
    return files.read(full, shown_path(name), found)


def _filled(
    template: str, origin: Origin, node: ScalarNode, document: Document, scope: Scope, found: Findings
) -> tuple[SqlText, str] | None:
    try:
        text = render(template, scope)
    except TemplateErrors as error:
        for problem in error.problems:
            span = origin.span(problem.line, problem.word)
            found.add(origin.file, span, problem.code, problem.message, problem.hint)
        return None
    if not text.strip():
        found.add(document.file, node.span, "sql-empty", "the query is empty; write a SELECT")
        return None
    exact = origin.exact and text.count("\n") == template.count("\n")
    sql = SqlText(text, origin.file.name, origin.first_line, origin.indent, exact)
    return sql, _fingerprint(template, text)


def _fingerprint(template: str, text: str) -> str:
    digest = hashlib.sha256()
    for part in (template, text):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(f"{len(data)}:".encode() + data)
    return digest.hexdigest()
