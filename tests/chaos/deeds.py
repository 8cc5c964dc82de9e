"""What people do between two runs: to the files, to the data, and by hand in Criteo's own pages."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from runner.core.errors import HeadcountError
from tests.chaos import ledger
from tests.chaos.criteo import Criteo
from tests.chaos.places import Place
from tests.chaos.world import ACCOUNTS, MAPPINGS, NEVER, RETAIL, RETAILER, WORDS, Declared, World, hashed, home, members
from tests.end_to_end.shop import Shop
from tests.sandbox_client import Sandbox, SegmentView

LATEST = timedelta(hours=20)
"""How long after it was given up a create takes effect at most."""

Identifiers = dict[str, set[str]]


@dataclass(slots=True)
class Stage:
    """Where a history takes place. `foreign` are other people's audiences with what they hold, by id; `behind` is
    by how many seconds Criteo's clock was set back, `passed` how many have passed there at once. After `settled_at`, in
    seconds that only go on, no call takes effect any more that was made before."""

    chance: random.Random
    world: World
    shop: Shop
    sandbox: Sandbox
    criteo: Criteo
    place: Place
    foreign: dict[str, tuple[SegmentView, Identifiers]] = field(default_factory=dict)
    retired: list[Declared] = field(default_factory=list)
    hands: count[int] = field(default_factory=count)
    behind: int = 0
    passed: float = 0.0
    settled_at: float = 0.0

    @property
    def state(self) -> Path:
        return self.place.state

    @property
    def allowing(self) -> list[str]:
        """The options that let everything pass that an apply may do."""
        return [*self.allowed, *(["--allow-suppression", NEVER] if self.world.never.is_declared else [])]

    @property
    def allowed(self) -> list[str]:
        """The options that let every removal pass."""
        return [part for one in sorted(self.world.declared) for part in ("--allow-removals", one)]

    def ours(self) -> dict[str, SegmentView]:
        """The live audiences that the state knows by id."""
        known = {account.audience_id for account in ledger.read(self.state)}
        return {segment.id: segment for segment in self.sandbox.segments() if segment.id in known}

    def some(self) -> Declared | None:
        return self.chance.choice(list(self.world.declared.values())) if self.world.declared else None

    def someone_foreign(self, account: str, name: str, kind: str = "email", *, readable: bool = True) -> str:
        """Somebody else makes an audience, of that type in retail media, and fills it."""
        if any(account == ACCOUNTS[destination] for destination in RETAIL):
            word = WORDS[kind][-1]
            segment = self.sandbox.add_retail_media_segment(
                account, name, retailer_id=RETAILER, identifier_type=word, description="not ours"
            )
            self.criteo.add_to_shelf(segment.id, word, [f"foreign-{number}" for number in range(4)])
        else:
            segment = self.sandbox.add_segment(account, name, description="not ours")
            self.criteo.add(
                segment.id, [hashed(f"foreign-{segment.id}-{number}@elsewhere.example") for number in range(4)]
            )
        if readable:
            segment = next(one for one in self.sandbox.segments() if one.id == segment.id)
            self.foreign[segment.id] = (segment, members(self.sandbox, segment))
        return segment.id


def people_come_and_go(stage: Stage) -> str:
    share = stage.chance.choice((0.05, 0.2, 0.6))
    for someone in stage.world.people:
        for group in range(7):
            if stage.chance.random() < share:
                someone.groups ^= {group}
    return f"{share:.0%} of the people move"


def a_group_empties(stage: Stage) -> str:
    group = stage.chance.randrange(7)
    for someone in stage.world.people:
        someone.groups -= {group}
    return f"everybody leaves group {group}"


def people_are_spelt_otherwise(stage: Stage) -> str:
    for someone in stage.world.people:
        someone.spelling = stage.chance.randrange(5)
    return "identifiers are spelt otherwise"


def people_withdraw(stage: Stage) -> str:
    some = stage.chance.sample(stage.world.people, stage.chance.choice((1, 4, 12)))
    for someone in some:
        someone.never = True
    return f"{len(some)} people withdraw their consent"


def people_consent(stage: Stage) -> str:
    for someone in stage.world.people:
        someone.never = someone.never and stage.chance.random() < 0.6
    return "some people consent"


def a_where_is_forgotten(stage: Stage) -> str:
    stage.world.never.is_everybody ^= True
    return f"the suppression names {'everybody' if stage.world.never.is_everybody else 'some'}"


def the_suppression_comes_and_goes(stage: Stage) -> str:
    stage.world.never.is_declared ^= True
    return f"the suppression is {'' if stage.world.never.is_declared else 'no longer '}declared"


def its_data_is_lost(stage: Stage) -> str:
    stage.world.never.data = stage.chance.choice(("there", "emptied", "lost"))
    return f"the data of the suppression is {stage.world.never.data}"


def rename(stage: Stage) -> str:
    one = stage.some()
    if one is None:
        return ""
    stage.world.change(one.id, name=stage.world.fresh_name())
    return f"{one.id} renamed"


def rotate_names(stage: Stage) -> str:
    """Two or three activations pass their names on in a circle."""
    circle = list(stage.world.declared.values())
    stage.chance.shuffle(circle)
    circle = circle[: stage.chance.choice((2, 2, 3))]
    for one, name in zip(circle, [*(other.name for other in circle[1:]), circle[0].name], strict=True):
        stage.world.change(one.id, name=name)
    return f"names go round: {', '.join(one.id for one in circle)}"


def describe(stage: Stage) -> str:
    one = stage.some()
    if one is None:
        return ""
    stage.world.change(one.id, description=f"Told anew {next(stage.hands)}" if stage.chance.random() < 0.7 else "")
    return f"{one.id} described"


def remap(stage: Stage) -> str:
    one = stage.some()
    if one is None:
        return ""
    types = stage.chance.choice(MAPPINGS[one.destination in RETAIL])
    stage.world.change(one.id, types=types)
    return f"{one.id} maps {'+'.join(types)}"


def requery(stage: Stage) -> str:
    one = stage.some()
    if one is None:
        return ""
    if stage.chance.random() < 0.5:
        stage.world.change(one.id, remark=one.remark + 1)
        return f"{one.id} has a remark in its SQL"
    stage.world.change(one.id, group=stage.chance.randrange(7))
    return f"{one.id} asks for another group"


def move(stage: Stage) -> str:
    one = stage.some()
    if one is None:
        return ""
    there = stage.chance.choice([name for name in ACCOUNTS if name != one.destination])
    types = one.types if one.types in MAPPINGS[there in RETAIL] else stage.chance.choice(MAPPINGS[there in RETAIL])
    stage.world.change(one.id, destination=there, types=types)
    return f"{one.id} moves to {there}"


def add(stage: Stage) -> str:
    return f"{stage.world.declare(stage.chance).id} added" if len(stage.world.declared) < 9 else ""


def remove(stage: Stage) -> str:
    one = stage.some()
    if one is None or len(stage.world.declared) <= 3:
        return ""
    stage.retired.append(stage.world.declared.pop(one.id))
    return f"{one.id} removed"


def bring_back(stage: Stage) -> str:
    """An id that was removed is declared again, perhaps elsewhere and under its old name."""
    if not stage.retired:
        return ""
    one = stage.retired.pop(stage.chance.randrange(len(stage.retired)))
    free = one.name not in {other.name for other in stage.world.declared.values()}
    name = one.name if free and stage.chance.random() < 0.5 else stage.world.fresh_name()
    new = stage.world.declare(stage.chance, id=one.id, name=name)
    return f"{new.id} back, in {new.destination}"


def replace(stage: Stage) -> str:
    """An activation gets another id and keeps its name."""
    one = stage.some()
    if one is None:
        return ""
    del stage.world.declared[one.id]
    new = stage.world.declare(stage.chance, name=one.name, destination=one.destination)
    return f"{one.id} replaced by {new.id}"


def delete_by_hand(stage: Stage) -> str:
    ours = stage.ours()
    if not ours:
        return ""
    audience = stage.chance.choice(list(ours))
    stage.sandbox.delete_segment(audience)
    return f"audience {audience} deleted by hand"


def rename_by_hand(stage: Stage) -> str:
    ours = stage.ours()
    if not ours:
        return ""
    audience = stage.chance.choice(list(ours))
    stage.sandbox.change_segment(audience, name=f"By hand {next(stage.hands)}")
    return f"audience {audience} renamed by hand"


def swap_by_hand(stage: Stage) -> str:
    """Somebody gives two of our audiences each other's names."""
    for account in ACCOUNTS.values():
        ours = [segment for segment in stage.ours().values() if home(segment) == account]
        if len(ours) >= 2:
            one, other = stage.chance.sample(ours, 2)
            stage.sandbox.change_segment(one.id, name=f"Aside {next(stage.hands)}")
            stage.sandbox.change_segment(other.id, name=one.name)
            stage.sandbox.change_segment(one.id, name=other.name)
            return f"audiences {one.id} and {other.id} swapped by hand"
    return ""


def describe_by_hand(stage: Stage) -> str:
    ours = stage.ours()
    if not ours:
        return ""
    audience = stage.chance.choice(list(ours))
    stage.sandbox.change_segment(audience, description=stage.chance.choice((None, "", "by hand")))
    return f"audience {audience} described by hand"


def somebody_elses(stage: Stage) -> str:
    audience = stage.someone_foreign(stage.chance.choice(list(ACCOUNTS.values())), f"Foreign {next(stage.hands)}")
    return f"somebody makes audience {audience}"


def take_over(stage: Stage) -> str:
    """A new activation takes over an audience that somebody else made, under its name or another one."""
    if len(stage.world.declared) >= 9:
        return ""
    new = stage.world.declare(stage.chance)
    name = new.name if stage.chance.random() < 0.5 else f"Foreign {next(stage.hands)}"
    audience = stage.someone_foreign(new.account, name, new.types[0], readable=False)
    stage.world.write(stage.shop)
    stage.place.unlock()
    stage.shop.run("import", new.id, audience)
    stage.place.look()
    return f"{new.id} imports audience {audience}"


def time_passes(stage: Stage) -> str:
    seconds = stage.chance.choice((1.0, 45.0, 600.0, 86_400.0))
    stage.sandbox.advance(seconds)
    stage.passed += seconds
    return f"{seconds:.0f} seconds pass at once"


def criteos_clock_steps(stage: Stage) -> str:
    """Criteo's clock, which dates its answers and its audiences, is set back, or forth again to where it was."""
    behind = 0 if stage.behind else stage.chance.choice((1, 30, 200))
    stage.sandbox.advance(stage.behind - behind)
    stage.behind = behind
    return f"Criteo's clock is {behind} s behind"


def unanswered_creates_take_effect(stage: Stage) -> str:
    """What was asked of Criteo without an answer happens now, whatever is declared by now."""
    if not (stage.state / "state.db").exists():
        return ""
    now = datetime.now(UTC) + timedelta(seconds=stage.passed)
    intents = [
        intent
        for intent in ledger.unanswered(stage.state)
        if intent.given_up_at is None or now - intent.given_up_at < LATEST
    ]
    made = [intent.intended_name for intent in intents if take_effect(intent, stage.sandbox)]
    return f"{', '.join(made)} turns up" if made else ""


def take_effect(intent: ledger.Unanswered, sandbox: Sandbox) -> bool:
    """Make the audience that was asked for; whether its name was free."""
    try:
        if any(intent.account_id == ACCOUNTS[destination] for destination in RETAIL):
            word = WORDS[intent.types[0]][-1]
            sandbox.add_retail_media_segment(
                intent.account_id, intent.intended_name, retailer_id=RETAILER, identifier_type=word
            )
        else:
            sandbox.add_segment(intent.account_id, intent.intended_name)
    except HeadcountError:
        return False
    return True


def tokens_end(stage: Stage) -> str:
    stage.chance.choice((stage.sandbox.expire_tokens, stage.sandbox.revoke_tokens))()
    return "tokens end"


DEEDS: tuple[tuple[int, Callable[[Stage], str]], ...] = (
    (12, people_come_and_go),
    (2, a_group_empties),
    (2, people_are_spelt_otherwise),
    (8, people_withdraw),
    (4, people_consent),
    (1, a_where_is_forgotten),
    (2, the_suppression_comes_and_goes),
    (3, its_data_is_lost),
    (3, rename),
    (5, rotate_names),
    (2, describe),
    (3, remap),
    (3, requery),
    (3, move),
    (4, add),
    (3, remove),
    (4, bring_back),
    (3, replace),
    (4, delete_by_hand),
    (3, rename_by_hand),
    (2, swap_by_hand),
    (2, describe_by_hand),
    (1, somebody_elses),
    (2, take_over),
    (2, time_passes),
    (3, criteos_clock_steps),
    (4, unanswered_creates_take_effect),
    (1, tokens_end),
)
"""How often each is done, and what."""


def some_deeds(stage: Stage) -> list[str]:
    """Do a few things and write the files; what was done, in words."""
    weights, deeds = zip(*DEEDS, strict=True)
    done = [deed(stage) for deed in stage.chance.choices(deeds, weights, k=stage.chance.randint(1, 5))]
    stage.world.write(stage.shop)
    return [words for words in done if words]
