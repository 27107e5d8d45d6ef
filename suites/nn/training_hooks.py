"""What a compression setting does to a net while it is tuned."""

from __future__ import annotations

from typing import Any


class TrainingHooks:
    """Called by the training loop; these do nothing and know nothing. One instance belongs to one net."""

    def after_step(self, progress: float) -> None:
        """After every optimiser step; ``progress`` runs from 0, exclusive, to 1 at the last step."""

    def state(self) -> dict[str, Any]:
        """What the next steps depend on beside the net: tensors, numbers, and lists and dicts of them."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was asked of another instance, whose net's state this one's net has taken over."""

    def finish(self) -> None:
        """After the last step: leave plain layers whose float weights are the result."""
