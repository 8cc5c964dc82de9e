"""How much templates may do: one rendering, and all of a project's together.

Whatever makes text, lists or rounds of a loop is charged before it is made, so that no template can grow or run on,
whatever it says. The numbers are far above what a person writes and far below what a machine feels.
"""

from __future__ import annotations

from runner.config.templates.template_types import TemplateTooLarge
from runner.quick_dataclass import dataclass, field

MAX_TEMPLATE = 100_000
"""Characters that a template may have."""
MAX_OUTPUT = 1_000_000
"""Characters that a template may come to."""
MAX_NODES = 10_000
"""Names, values, operators and statements of one template."""
MAX_DEPTH = 80
"""How deeply they may be nested, and lists in one another: what goes through them calls itself."""
MAX_STEPS = 200_000
"""Of one rendering. A step is one of its nodes, one item of a list, or a few characters that are looked through."""
MAX_CHARACTERS = 5_000_000
"""That one rendering may make, those which it throws away included."""

PROJECT_NODES = 300_000
PROJECT_STEPS = 2_000_000
PROJECT_CHARACTERS = 50_000_000
"""The same for all templates of a project together: a branch may hold thousands of files, and forks are validated.
They allow ten thousand audiences, and bound what is kept to some hundred megabytes and what is done to seconds."""


@dataclass(slots=True)
class ProjectBudget:
    """What is left to all templates of a project in one reading of its files."""

    nodes: int = PROJECT_NODES
    steps: int = PROJECT_STEPS
    characters: int = PROJECT_CHARACTERS

    def parsed(self, nodes: int) -> None:
        """Charge a template that is kept in parsed form. Raises TemplateTooLarge."""
        self.nodes -= nodes
        if self.nodes < 0:
            raise _together()

    def rendering(self) -> Budget:
        """The budget of one rendering, not more than is left. Raises TemplateTooLarge."""
        if min(self.steps, self.characters) <= 0:
            raise _together()
        return Budget(min(MAX_STEPS, self.steps), min(MAX_CHARACTERS, self.characters))

    def rendered(self, budget: Budget) -> None:
        """Take off what a rendering has used."""
        self.steps -= budget.used_steps
        self.characters -= budget.used_characters


def _together() -> TemplateTooLarge:
    return TemplateTooLarge("the templates of this project together are too large; make them fewer or simpler")


@dataclass(slots=True)
class Budget:
    """What one rendering may do, and what it has used of that."""

    steps: int = MAX_STEPS
    characters: int = MAX_CHARACTERS
    used_steps: int = field(default=0, init=False)
    used_characters: int = field(default=0, init=False)

    def step(self, steps: int = 1) -> None:
        """Charge steps, before they are done. Raises TemplateTooLarge."""
        self.used_steps += steps
        if self.used_steps > self.steps:
            raise TemplateTooLarge(f"its loops and lists come to more than {self.steps:,} steps")

    def text(self, characters: int) -> None:
        """Charge a text, before it is made. Raises TemplateTooLarge."""
        self.used_characters += characters
        if self.used_characters > self.characters:
            raise TemplateTooLarge(f"the texts that it makes have more than {self.characters:,} characters")

    def look_through(self, characters: int) -> None:
        """Charge a search through a text, or a comparison with one."""
        self.step(1 + characters // 8)
