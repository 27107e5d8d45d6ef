"""What a compression setting does to a net while it is tuned."""

from __future__ import annotations


class Hooks:
    """Called by the training loop; these do nothing. One instance belongs to one net."""

    def stepped(self, progress: float) -> None:
        """After every optimiser step; ``progress`` runs from 0, exclusive, to 1 at the last step."""

    def finish(self) -> None:
        """After the last step: leave plain layers whose float weights are the result."""
