"""The segment evaluators that conformance is tested for. A new one is a line here; it must read files as sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from runner.engine.embedded import EmbeddedEngine
from runner.engine.interface import SegmentEvaluator


@contextmanager
def _embedded(folder: Path) -> Iterator[SegmentEvaluator]:
    engine = EmbeddedEngine(folder, threads=1)
    yield engine.evaluator
    engine.close()


EVALUATORS: Mapping[str, Callable[[Path], AbstractContextManager[SegmentEvaluator]]] = {"duckdb": _embedded}
"""Name -> what opens it, with a folder for what it writes."""
