"""Everything the sandbox knows, in one place: what Criteo would keep, and what only a sandbox has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from runner.sandbox.fault_injection import Faults
from runner.sandbox.sandbox_options import App, SandboxOptions
from runner.sandbox.world.access_tokens import AccessTokens, RateLimits
from runner.sandbox.world.call_log import CallLog
from runner.sandbox.world.data_file import Amended, Cleared, DataChange, DataFile, NextId, SegmentPut, SegmentRemoved
from runner.sandbox.world.sandbox_clock import SandboxClock
from runner.sandbox.world.segment_members import CountedMemberships, KeptMemberships, Memberships, SizeHistory
from runner.sandbox.world.segment_records import CriteoService, SegmentRecords


class World:
    """The state of one sandbox. Only the server's own thread may touch it."""

    def __init__(self, options: SandboxOptions) -> None:
        """Reads the data file where there is one; raises HeadcountError when it cannot."""
        self.options = options
        self.clock = SandboxClock()
        self.stopping = asyncio.Event()
        self.apps: dict[str, App] = {app.client_id: app for app in options.apps}
        self._data_file: DataFile | None = None
        self._start()
        if options.data_file is not None:
            self._data_file = DataFile(options.data_file)
            for change in self._data_file.replay():
                self._apply(change)
            self._data_file.shrink(self._everything(), self._bytes_needed())

    def _start(self) -> None:
        self.tokens = AccessTokens(self.options.token_life)
        self.limits = RateLimits(self.options.rate_limit)
        self.faults = Faults(self.options.faults, self.options.fault_seed)
        self.calls = CallLog(self.options.keep_identifiers)
        self.consents: dict[CriteoService, dict[str, tuple[str, ...]]] = {
            CriteoService.MARKETING_SOLUTIONS: {app.client_id: app.advertisers for app in self.options.apps},
            CriteoService.RETAIL_MEDIA: {app.client_id: app.accounts for app in self.options.apps},
        }
        self.segments = SegmentRecords(self.options.first_id)
        self.memberships: Memberships = CountedMemberships() if self.options.count_only else KeptMemberships()
        self.sizes = SizeHistory(self.options.statistics_lag)

    def make(self, change: DataChange) -> None:
        """Make a change: first in the data file, then for everybody to see."""
        if self._data_file is not None:
            self._data_file.append(change)
        self._apply(change)

    def size(self, segment_id: int) -> int:
        """How many identifiers the segment holds, over all types."""
        return sum(self.memberships.counts(segment_id).values())

    def shown_size(self, segment_id: int) -> int:
        """How many identifiers the statistics say that the segment holds."""
        if not self.options.statistics_lag:
            return self.size(segment_id)
        return self.sizes.shown(segment_id, self.clock.now())

    def reset(self) -> None:
        """Back to the options: no segments, no tokens, no faults, no calls. The clock stays where it is."""
        self._start()
        if self._data_file is not None:
            self._data_file.rewrite(())

    def close(self) -> None:
        """Give back the data file."""
        if self._data_file is not None:
            self._data_file.close()

    def _apply(self, change: DataChange) -> None:
        match change:
            case SegmentPut(segment):
                self.segments.put(segment)
                return
            case NextId(segment_id):
                self.segments.next_id = max(self.segments.next_id, segment_id)
                return
            case SegmentRemoved(segment_id):
                self.segments.remove(segment_id)
                self.memberships.clear(segment_id)
            case Cleared(segment_id):
                self.memberships.clear(segment_id)
            case Amended(segment_id, identifier_type, operation, members):
                self.memberships.amend((segment_id, identifier_type), operation, members)
        if self.options.statistics_lag:
            self.sizes.note(change.segment_id, self.size(change.segment_id), self.clock.now())

    def _everything(self) -> Iterator[DataChange]:
        """The shortest list of changes that leads here."""
        yield NextId(self.segments.next_id)
        for segment in self.segments:
            yield SegmentPut(segment)
        for segment_id, identifier_type in self.memberships.keys():  # noqa: SIM118 - not a mapping
            members = list(self.memberships.members((segment_id, identifier_type)) or ())
            for start in range(0, len(members), self.options.max_identifiers):
                part = members[start : start + self.options.max_identifiers]
                yield Amended(segment_id, identifier_type, "add", part)

    def _bytes_needed(self) -> int:
        return sum(40 * self.size(segment.id) + 500 for segment in self.segments)
