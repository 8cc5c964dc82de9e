"""Asking another process to bind and run segments, and ending it where it does not keep to its limits.

DuckDB's memory limit and interrupts are kept by its good will: a query can be made that honours neither. The process
may not get more memory than the limit that the system was given, is killed when its time is up, and holds no secret.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from runner.core.errors import SegmentError, UsageError
from runner.core.findings import Finding
from runner.core.project import Source, SqlText
from runner.engine.duckdb.session import Limits
from runner.engine.segments.query_messages import (
    LONGEST_ANSWER,
    AdviceRequest,
    Begin,
    CheckRequest,
    Question,
    SmallRequest,
    WriteRequest,
    error_of,
    finding_of,
    send,
)
from runner.engine.segments.segment_errors import OUT_OF_MEMORY, broken, too_slow
from runner.engine.segments.segment_query import SegmentQuery, SmallQueries, WrittenSmall
from runner.interruption import undisturbed
from runner.object_stores.reach import object_server
from runner.process_limits import clean_environment, own_python
from runner.sources.attached_kinds import remote_patterns

if TYPE_CHECKING:
    from runner.object_stores.object_server import ObjectServer

_GRACE = 3.0
"""Seconds that a statement gets to end after its time is up, before its process is killed."""

_STARTING = 120.0
"""Seconds within which the process must be ready."""

_BREATH = 0.1
"""Seconds between two looks at the clock, and for an interrupt."""

_MAIN = "import gc; gc.set_threshold(200_000, 20, 50); from runner.engine.segments.query_worker import main; main()"
"""What the process runs. Garbage is looked for as seldom as in the command's own process."""


class _Ended(Exception):
    """The process ended before it answered; `code` is its exit code, negative for a signal."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Overdue(Exception):
    """The process did not answer in time."""


class QueryProcess:
    """Implements SegmentQueries by a process of its own, started when it is first needed, or before where that is known
    to come, and again after its end.

    `folder` is for its files, and is removed when this process is killed. May be used from several threads; segments
    run one at a time.
    """

    def __init__(self, limits: Limits, folder: Path) -> None:
        self._limits = limits
        self._folder = folder
        self._numbers = count()
        self._child: _Child | None = None
        self._guard = threading.Lock()

    def check(self, query: SegmentQuery, sources: tuple[Source, ...]) -> tuple[Finding, ...]:
        try:
            answer = self._ask(CheckRequest(query, sources, self._limits.seconds_to_check), None)
        except SegmentError as error:
            return (error.finding,) if error.finding else ()
        return _findings(answer)

    def prepare(self, sources: tuple[Source, ...]) -> None:
        with self._guard, suppress(SegmentError):
            self._started(remote_patterns(sources))

    def advise(self, query: SegmentQuery) -> tuple[Finding, ...]:
        try:
            answer = self._ask(AdviceRequest(query, self._limits.seconds_to_check), None)
        except SegmentError:  # checking or running it says what is wrong
            return ()
        return _findings(answer)

    def write(
        self,
        query: SegmentQuery,
        sources: tuple[Source, ...],
        rows: str,
        target: Path,
        readable: tuple[Path, ...] = (),
        on_progress: Callable[[float], None] | None = None,
    ) -> tuple[Finding, ...]:
        request = WriteRequest(query, sources, rows, target, readable, self._limits.seconds)
        return _findings(self._ask(request, on_progress))

    def write_small(self, small: SmallQueries, sources: tuple[Source, ...], folder: Path) -> Mapping[int, WrittenSmall]:
        seconds = self._limits.seconds_for_small
        answer = self._ask(SmallRequest(small, sources, folder, seconds), None)
        return {
            int(place): WrittenSmall(int(file), tuple(map(finding_of, found)))
            for place, (file, found) in answer["written"].items()
        }

    def close(self) -> None:
        with self._guard:
            self._stop()

    def _ask(self, request: Question, on_progress: Callable[[float], None] | None) -> Mapping[str, Any]:
        """The answer. A process that served others before may have run out of memory because of them: the request is
        then made once more, of a new one. Raises SegmentError."""
        with self._guard:
            served = self._child is not None and self._child.served
            try:
                return self._once(request, on_progress)
            except SegmentError as error:
                if not served or error.finding is None or error.finding.code != OUT_OF_MEMORY:
                    raise
            return self._once(request, on_progress)

    def _once(self, request: Question, on_progress: Callable[[float], None] | None) -> Mapping[str, Any]:
        answer: Mapping[str, Any] | None = None
        sql = request.query.sql
        try:
            patterns = () if isinstance(request, AdviceRequest) else remote_patterns(request.sources)
            answer = self._started(patterns).ask(request, request.seconds + _GRACE, on_progress)
        except _Overdue:
            raise too_slow(sql, request.seconds) from None
        except _Ended as end:
            raise (too_slow(sql, request.seconds) if -end.code == signal.SIGALRM else self._broken(sql)) from None
        finally:
            # After an interrupt, too: the statement is still under way.
            if answer is None or _lacked_memory(answer):
                self._stop()
        if "error" in answer:
            raise error_of(answer["error"])
        if "no_memory" in answer:
            raise self._broken(sql)
        if "fault" in answer:
            raise RuntimeError(f"{answer['fault']} in the process that runs segments, at {', '.join(answer['at'])}")
        return answer

    def _broken(self, sql: SqlText) -> SegmentError:
        return broken(sql, self._limits.memory)

    def _started(self, patterns: tuple[str, ...]) -> _Child:
        """The process, which may read the objects of these patterns besides those of before. Raises SegmentError."""
        if patterns and self._child is not None and self._child.served_objects is None:
            self._stop()
        if self._child is None:
            served = object_server() if patterns else None
            folder = self._folder / f"segments-{next(self._numbers)}"
            self._child = _Child(self._limits, self._folder, folder, served)
        if self._child.served_objects is not None:
            self._child.served_objects.allow(patterns)
        return self._child

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()


class _Child:
    """The process, and what has been read of its answers."""

    @undisturbed()
    def __init__(self, limits: Limits, left_behind: Path, folder: Path, served_objects: ObjectServer | None) -> None:
        self.served = False
        self.served_objects = served_objects
        sockets = served_objects.descriptors if served_objects else ()
        self._folder = folder
        self._ready = False
        self._read = b""
        try:
            folder.mkdir(mode=0o700)
            self._process = subprocess.Popen(  # noqa: S603 (this very Python)
                own_python(_MAIN),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=clean_environment(),
                pass_fds=sockets,
                start_new_session=True,  # a Ctrl-C at the terminal is for the process that asks
            )
        except OSError as error:
            if served_objects is not None:
                served_objects.close()
            raise _cannot_start(error.strerror or "") from None
        with suppress(BrokenPipeError):
            send(Begin(limits, folder, left_behind, sockets), self._input)
        if served_objects is not None:
            served_objects.handed_over()

    @property
    def _input(self) -> BinaryIO:
        return cast("BinaryIO", self._process.stdin)

    def ask(self, request: Question, seconds: float, on_progress: Callable[[float], None] | None) -> Any:
        """The answer. Raises _Ended, _Overdue, UsageError."""
        if not self._ready:
            self._await_ready()
        try:
            send(request, self._input)
        except BrokenPipeError:
            raise _Ended(self._process.wait()) from None
        deadline = monotonic() + seconds
        while "progress" in (answer := self._answer(deadline)):
            if on_progress is not None:
                on_progress(float(answer["progress"]))
        self.served = True
        return answer

    def kill(self) -> None:
        """End it at once, whatever it is doing."""
        with undisturbed():
            self._process.kill()
            self._process.wait()
            if self.served_objects is not None:
                self.served_objects.close()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _await_ready(self) -> None:
        answer = self._answer(monotonic() + _STARTING)
        if "unusable" in answer:
            message = f"HEADCOUNT_MEMORY_LIMIT={answer['unusable']} is not an amount of memory"
            raise UsageError(message, "set it to 2GB, say")
        if "refused" in answer:
            raise _cannot_start(answer["refused"])
        self._ready = True

    def _answer(self, deadline: float) -> Any:
        """The next line of its output."""
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        while b"\n" not in self._read:
            left = deadline - monotonic()
            if left <= 0:
                raise _Overdue
            readable, _, _ = select.select([output], [], [], min(_BREATH, left))
            if not readable:
                continue
            part = os.read(output, 1 << 20)
            if not part or len(self._read) > LONGEST_ANSWER:
                self._process.kill()
                raise _Ended(self._process.wait())
            self._read += part
        line, _, self._read = self._read.partition(b"\n")
        return json.loads(line)


def _findings(answer: Mapping[str, Any]) -> tuple[Finding, ...]:
    return tuple(finding_of(finding) for finding in answer["findings"])


def _lacked_memory(answer: Mapping[str, Any]) -> bool:
    """Whether a request failed for lack of memory, so that what its process still holds is better given back."""
    finding = (answer.get("error") or {}).get("finding") or {}
    return "no_memory" in answer or finding.get("code") == OUT_OF_MEMORY


def _cannot_start(why: str) -> SegmentError:
    message = "the process that runs segments cannot be started" + (f": {why}" if why else "")
    return SegmentError(message, "free memory and processes, then run the command again")
