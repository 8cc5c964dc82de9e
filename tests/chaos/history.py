"""One history: things change, runs go wrong, and after one clean run everything is as declared.

After every run, however it ended, is checked: it ended with a documented exit code and no traceback; nothing clear or
secret is in its output or its files; it added nobody who is not in the segment and removed nobody who is; other
people's audiences are untouched; and what the state takes for certain is true, all else being known to be in doubt.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.chaos import (
    checks,
    creates,
    elsewhere,
    erased,
    late,
    ledger,
    mishaps,
    namespaces,
    restored,
    robbed,
    withdrawn,
)
from tests.chaos.criteo import Criteo
from tests.chaos.damage import damage_and_look
from tests.chaos.deeds import Stage, some_deeds
from tests.chaos.places import Folder, InBucket, Place
from tests.chaos.victim import GREAT, GREAT_BY
from tests.chaos.world import ACCOUNTS, CLIENT, OPTIONS, SECRET, World
from tests.end_to_end.shop import Shop
from tests.object_store import running_store
from tests.sandbox_client import CallView, Sandbox, running

ROOT = Path(__file__).parents[2]
LATER = 3 * 86_400 + 600
"""Seconds by which the clock has gone on when the clean run begins: over five minutes, wrong as it may have been."""

LONGEST = 180.0
"""Seconds after which a run is taken to hang."""

IN_A_CREATE, DAMAGED, ROBBED, OUTLIVED, RESTORED, ELSEWHERE = 0.2, 0.2, 0.25, 0.4, 0.15, 0.1
WITHDRAWN, CLOSED, FORGOTTEN = 0.2, 0.1, 0.25
"""How often a run is led into a create to die there, how often what a killed run left is damaged, how often the state
in a bucket is unlocked while a run waits to try again, how often a call outlives its run where they may be late, and
before a run, how often an old backup of the state is put back, and another API is spoken to, and how often people
withdraw from what is not selected, nobody can be known to have withdrawn, and people are erased."""


@dataclass(slots=True)
class Tally:
    """What was met, over any number of histories."""

    histories: int = 0
    runs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    mishaps: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        self.histories += other.histories
        self.runs += other.runs
        for name in ("kills", "mishaps", "faults", "codes"):
            getattr(self, name).update(getattr(other, name))


@dataclass(slots=True)
class History:
    """One history, from its seed. `story` tells it so far; a violation is an AssertionError that ends with it.

    `said` is what the last run wrote, on both of its outputs. The state is kept in a bucket if `bucket` says so.
    """

    seed: int
    steps: int = 5
    bucket: bool = False
    story: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    said: str = ""

    @property
    def late(self) -> bool:
        """Whether calls may take effect late; then clocks are right."""
        return self.seed % 3 == 0

    def play(self, live: Callable[[History, Stage], None] | None = None) -> Tally:
        """Live through it, or through `live`. Raises AssertionError, with seed and story, for a broken promise."""
        live = live or History._anything
        with (
            tempfile.TemporaryDirectory(prefix="chaos-", dir=_memory()) as made,
            running(OPTIONS) as sandbox,
            running_store() if self.bucket else nullcontext() as store,
        ):
            folder = Path(made).resolve()
            state = folder / ".headcount"
            try:
                live(self, self.stage(folder, sandbox, InBucket.made(state, store) if store else Folder(state)))
            except Exception as error:
                told = "\n".join(self.story)
                where = " --bucket" if self.bucket else ""
                again = f"python -m tests.chaos --histories 1 --steps {self.steps} --seed {self.seed}{where}"
                raise AssertionError(f"{type(error).__name__}: {error}\nseed {self.seed}\n{told}\n{again}") from error
        self.tally.histories = 1
        return self.tally

    def stage(self, folder: Path, sandbox: Sandbox, place: Place) -> Stage:
        """The project in that folder, with nothing done yet."""
        chance = random.Random(self.seed)
        credentials = {"CRITEO_CLIENT_ID": CLIENT, "CRITEO_CLIENT_SECRET": SECRET}
        great = {GREAT: GREAT_BY[self.seed % 4]} if self.seed % 4 in GREAT_BY else {}
        (folder / "tmp").mkdir()
        ours = {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache-home")}
        shop = Shop(folder, sandbox.url, {**credentials, **great, **ours, **place.environment})
        stage = Stage(chance, World.made(chance), shop, sandbox, Criteo(sandbox), place)
        # Under a suppression other statements look people up: in half of these histories it comes later, if at all.
        stage.world.never.is_declared = great.get(GREAT) != "by fingerprints" or self.seed % 8 == 0
        for account in ACCOUNTS.values():
            stage.someone_foreign(account, f"Somebody else's {account}")
        stage.world.write(shop)
        return stage

    def _anything(self, stage: Stage) -> None:
        for step in range(self.steps):
            if step and stage.chance.random() < IN_A_CREATE:
                done, mishap = creates.some_death(stage)
                self.story.append(f"{step}. {done}")
                self.run_and_check(stage, mishap, ["apply", "--yes", "--prune", *stage.allowing])
                continue
            deeds = some_deeds(stage) if step else ["begin"]
            self.story.append(f"{step}. {'; '.join(deeds)}")
            if step and stage.chance.random() < RESTORED:
                self.tally.mishaps.update([restored.RESTORED] if restored.an_old_backup(self, stage) else [])
            if step and stage.chance.random() < ELSEWHERE:
                self.tally.mishaps.update([elsewhere.ELSEWHERE] if elsewhere.another_api(self, stage) else [])
            if step and stage.chance.random() < WITHDRAWN:
                played = withdrawn.from_what_is_not_selected(self, stage)
                self.tally.mishaps.update([withdrawn.ELSEWHERE] if played else [])
            if step and stage.chance.random() < CLOSED:
                played = withdrawn.nobody_is_added_while_it_fails(self, stage)
                self.tally.mishaps.update([withdrawn.CLOSED] if played else [])
            if step and stage.chance.random() < FORGOTTEN:
                ended = erased.some_people_are_erased(self, stage)
                self.tally.mishaps.update([erased.ERASED if ended else f"{erased.ERASED} cut short"])
            arguments = _arguments(stage)
            if step and self.bucket and stage.chance.random() < ROBBED:
                one = min(stage.world.declared)
                alone = ["apply", "--yes", "--select", one, "--allow-removals", one]
                self.run_and_check(stage, robbed.unlocked_while_it_waits(self, stage), alone)
                continue
            if self.late and step and stage.chance.random() < OUTLIVED:
                late.outlived_by_its_call(self, stage, arguments)
                continue
            where = None if self.bucket else str(stage.state)
            mishap = mishaps.some_mishap(stage.chance, stage.sandbox, where, late=self.late)
            self.run_and_check(stage, mishap, arguments)
        self.come_clean(stage)

    # -- a run that goes wrong ---------------------------------------------------------------------------------------

    def run_and_check(self, stage: Stage, mishap: mishaps.Mishap, arguments: list[str]) -> list[int]:
        """One run with that mishap, and what must hold after any run; its exit code, or both where two ran."""
        sandbox, log = stage.sandbox, stage.shop.folder / "points"
        shown = " ".join(arguments).partition(" --allow-removals")[0]
        stage.place.unlock()
        sandbox.forget_calls()
        orders = json.dumps({**mishap.orders, "log": str(log)})
        self.story.append(f"   headcount {shown}; {', '.join(mishap.words) or 'undisturbed'}")
        with _meanwhile(mishap, sandbox), stage.place.trouble(mishap.unanswered, stage.chance):
            victims = [_start(stage, arguments, orders, mishap)]
            if mishap.two_at_once:
                victims.append(_start(stage, arguments, json.dumps({"log": str(log)}), mishap))
            try:
                if mishap.watch is not None:
                    mishap.watch(victims[0], sandbox)
                outputs = [victim.communicate(timeout=LONGEST) for victim in victims]
            finally:
                for victim in victims:
                    victim.kill()
        namespaces.bring_back(stage.state)
        stage.place.look()
        sandbox.clear_faults()
        codes = [victim.returncode for victim in victims]
        points = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        self.story.append(f"   -> {codes} {points}")
        stage.settled_at = max(stage.settled_at, time.monotonic() + mishap.late)
        calls = sandbox.calls(identifiers=True)
        self._count(codes, points, calls, mishap)
        self.tally.mishaps.update(["bucket that leaves calls unanswered"] if mishap.unanswered else [])
        self.said = "".join(out + err for out, err in outputs)
        for code, (out, err) in zip(codes, outputs, strict=True):
            checks.ended_well(code, out, err)
            stage.shop.outputs += [out, err]
        self._check(stage, calls)
        if set(codes) == {0} and arguments[0] == "apply" and not self.late:
            checks.nobody_named(stage.world, ledger.read(stage.state), sandbox)
        if min(codes) < 0 and stage.chance.random() < DAMAGED and (damaged := damage_and_look(stage)):
            self.story.append(f"   {damaged}, and noticed")
            self.tally.mishaps.update([f"damaged: {damaged.rpartition('.')[2]}"])
            self._check(stage, ())
        return codes

    def _count(self, codes: list[int], points: list[str], calls: tuple[CallView, ...], mishap: mishaps.Mishap) -> None:
        self.tally.runs += len(codes)
        self.tally.mishaps.update([f"real {mishap.disk} disk"] if mishap.disk else [])
        self.tally.mishaps.update(["clock jump"] if "clock" in mishap.orders else [])
        self.tally.mishaps.update(["Criteo's clock set back"] if "step back" in (mishap.meanwhile or ()) else [])
        self.tally.mishaps.update(["late call"] if any(call.fault == "late" for call in calls) else [])
        played = {robbed.UNLOCKED, late.ON_ITS_WAY}.intersection(mishap.words)
        self.tally.mishaps.update(sorted(played))
        self.tally.mishaps.update(["two at once"] if mishap.two_at_once else [])
        self.tally.mishaps.update([creates.TURNING_UP] if creates.TURNING_UP in " ".join(mishap.words) else [])
        self.tally.codes.update(codes)
        self.tally.faults.update(call.fault for call in calls if call.fault)
        for point in points:
            deed, _, _ = point.partition(" before " if " before " in point else " after ")
            (self.tally.kills if deed in ("kill", "tear") else self.tally.mishaps).update([point])
        if -signal.SIGALRM in codes:
            self.tally.kills.update(["kill at a random moment"])
        if -signal.SIGKILL in codes and mishap.watch is creates.kill_who_waits:
            self.tally.kills.update([f"kill in a create {creates.WAITING}"])

    def check(self, stage: Stage, calls: tuple[CallView, ...] = ()) -> None:
        """What must hold after every run, these calls being its."""
        self._check(stage, calls)

    def _check(self, stage: Stage, calls: tuple[CallView, ...]) -> None:
        accounts = ledger.read(stage.state)
        checks.nothing_leaked(stage.shop, stage.place.contents())
        checks.foreign_untouched(stage.foreign, stage.sandbox, calls)
        checks.only_needed(stage.world, accounts, calls)
        checks.certainty_is_true(accounts, stage.sandbox)

    def start(
        self, stage: Stage, arguments: list[str], orders: dict[str, object], machine: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """One more process, beside the run that is under way; on that machine, else on any."""
        log = str(stage.shop.folder / "points")
        return _start(stage, arguments, json.dumps({**orders, "log": log}), mishaps.Mishap(), machine)

    def wait_for_late_calls(self, stage: Stage) -> None:
        """Until the last call that was late has taken effect."""
        time.sleep(max(0.0, stage.settled_at - time.monotonic()))

    # -- the clean run -----------------------------------------------------------------------------------------------

    def come_clean(self, stage: Stage) -> None:
        """One run without any mishap; afterwards all is as declared, and nothing is left to do."""
        sandbox = stage.sandbox
        sandbox.clear_faults()
        stage.place.unlock()
        stage.world.never = replace(stage.world.never, is_declared=True, is_everybody=False, data="there")
        stage.world.write(stage.shop)
        before = checks.Before.of(ledger.read(stage.state), sandbox)
        sandbox.forget_calls()
        self.wait_for_late_calls(stage)
        self.story.append("the clean run")
        later = json.dumps({"clock": {"before": LATER, "after": LATER, "nth": 1}})
        # People may have deleted every audience of an account by hand.
        recreate = [part for account in ACCOUNTS.values() for part in ("--allow-recreate", account)]
        code, said = self.undisturbed(stage, ["apply", "--yes", "--prune", *stage.allowing, *recreate], later)
        self.story.append(said[-5000:])
        assert code == 0, f"the clean run ends with {code}"
        calls = sandbox.calls(identifiers=True)
        stage.place.look()
        self._check(stage, calls)
        checks.as_declared(stage.world, ledger.read(stage.state), stage.foreign, sandbox)
        checks.sent_no_more(stage.world, before, ledger.read(stage.state), calls)
        sandbox.forget_calls()
        plan = stage.shop.run("plan", "--prune", "--detailed-exitcode", "--format", "json", code=None)
        assert plan.code == 0, f"the plan after the clean run ends with {plan.code}: {plan.out}"
        if stage.world.erased:
            self.story.append("the erasure at the end")
            erased.end_well(self, stage, later)
            again = stage.shop.run("plan", "--prune", "--detailed-exitcode", code=None)
            assert again.code == 0, f"the plan after the erasure ends with {again.code}: {again.out}"
        checks.nothing_leaked(stage.shop, stage.place.contents())
        self.story.clear()

    def undisturbed(self, stage: Stage, arguments: list[str], orders: str) -> tuple[int, str]:
        """A run that nothing happens to: its exit code, and what it said."""
        done = _start(stage, arguments, orders, mishaps.Mishap())
        out, err = done.communicate(timeout=LONGEST)
        stage.shop.outputs += [out, err]
        self.tally.runs += 1
        return done.returncode, out + err


def played(seed: int, steps: int, until: float, bucket: bool = False) -> tuple[Tally, str]:
    """One history, whatever comes of it: what was met, and the violation, if there was one. Nothing when it is late."""
    if time.time() > until:
        return Tally(), ""
    history = History(seed, steps, bucket)
    try:
        return history.play(), ""
    except AssertionError as error:
        history.tally.histories = 1
        return history.tally, str(error)


def _arguments(stage: Stage) -> list[str]:
    """The command of one run: most often the whole job, else a part of it."""
    kind = stage.chance.choices(("apply", "sync", "rebuild", "no prune", "select"), (12, 4, 1, 1, 1))[0]
    allowed = stage.allowed
    allowing = stage.allowing if stage.chance.random() < 0.6 else allowed
    known = sorted({account.activation for account in ledger.read(stage.state)})
    if kind == "sync":
        return ["sync", *allowed]
    if kind == "rebuild" and known:
        declared = [name for name in known if name in stage.world.declared]
        if declared:
            return ["sync", "--rebuild", stage.chance.choice(declared), *allowed]
    if kind == "no prune":
        return ["apply", "--yes", *allowing]
    if kind == "select":
        chosen = stage.chance.sample(sorted(stage.world.declared), 2)
        return ["apply", "--yes", "--prune", *(part for one in chosen for part in ("--select", one)), *allowing]
    return ["apply", "--yes", "--prune", *allowing]


def _start(
    stage: Stage, arguments: list[str], orders: str, mishap: mishaps.Mishap, machine: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    shop, command = stage.shop, [sys.executable, "-m", "tests.chaos.victim", *arguments]
    environment = {**shop.environment, "CHAOS": orders, "TMPDIR": str(shop.folder / "tmp")}
    environment |= stage.place.machine(stage.chance) if machine is None else machine
    if mishap.disk and stage.state.exists():
        environment |= {"STATE": str(stage.state), "SIZE": str(namespaces.used(stage.state) + mishap.room)}
        command = namespaces.small(command) if mishap.disk == "small" else namespaces.read_only(command)
    return subprocess.Popen(
        command,
        cwd=shop.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Its own: when the shell that tests were started from goes away, the kernel sends SIGCONT to stopped processes.
        process_group=0,
    )


@contextmanager
def _meanwhile(mishap: mishaps.Mishap, sandbox: Sandbox) -> Iterator[None]:
    if mishap.meanwhile is None:
        yield
        return
    what, seconds = mishap.meanwhile
    timer = threading.Timer(seconds, mishaps.meanwhile, (what, sandbox))
    timer.start()
    try:
        yield
    finally:
        timer.join()
        if what == "step back":
            sandbox.advance(mishaps.STEP)


def _memory() -> str | None:
    """Where files can be flushed quickly."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
