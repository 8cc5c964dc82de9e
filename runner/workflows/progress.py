"""What a workflow tells whoever watches it. The default watches nothing."""

from __future__ import annotations


class Progress:
    """Called as work goes on; every method may be called from the thread that does the work. Does nothing by itself."""

    def evaluating(self, activations: int) -> None:
        """Segments are about to be evaluated."""

    def evaluated(self, activation: str, seconds: float) -> None:
        """One of them is done, well or not."""

    def sending(self, identifiers: int) -> None:
        """So many identifiers are about to be sent, over all activations."""

    def sent(self, activation: str, identifiers: int) -> None:
        """A batch has been taken."""

    def note(self, message: str) -> None:
        """Something worth a line: a definition applied, an unfinished delta settled."""
