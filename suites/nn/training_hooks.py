"""What a compression setting does to a net while it is fine-tuned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch

RAMP = 0.6
"""Share of all steps during which sparsity grows; in the rest the remaining weights settle."""

MASK_UPDATE_STEPS = 25
"""Steps between two choices of what is zero."""


class TrainingHooks:
    """Callbacks of the training loop, which do nothing by default. An instance belongs to one net."""

    def after_step(self, progress: float) -> None:
        """Act after an optimizer step.

        Args:
            progress: Share of all steps that are done: above 0, and 1 at the last one.
        """

    def state(self) -> dict[str, Any]:
        """Return what the next steps depend on besides the net: tensors, numbers, and lists and dicts of them."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from the `state` of another instance; the net's own state has been restored already."""

    def finish(self) -> None:
        """Act after the last step: leave plain layers, whose float weights are the result."""


class GradualPruning(TrainingHooks, ABC):
    """Zero a growing share of a net by masks, on the cubic schedule of arXiv 1710.01878.

    Args:
        masks: Boolean masks, true where a weight or channel remains; all true at first.
    """

    def __init__(self, masks: list[torch.Tensor]) -> None:
        self._masks = masks
        self._steps = 0

    def after_step(self, progress: float) -> None:
        """Update the masks when it is time, and apply them."""
        share_done = self._share_to_reach(progress)
        if share_done is not None:
            self._update_masks(share_done)
        self._steps += 1
        with torch.no_grad():
            self._apply_masks()

    def state(self) -> dict[str, Any]:
        """Return the masks and the number of steps."""
        return {"kept": self._masks, "steps": self._steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue with the masks and the number of steps of `state`."""
        self._masks, self._steps = state["kept"], state["steps"]

    def _share_to_reach(self, progress: float) -> float | None:
        """Return the share of the pruning to reach in this step, None where the masks stay."""
        # a little beyond the ramp, so that an update meets its end
        due = (self._steps % MASK_UPDATE_STEPS == 0 and progress <= RAMP + 0.1) or progress == 1
        return cubic(progress) if due else None

    @abstractmethod
    def _update_masks(self, share_done: float) -> None: ...

    @abstractmethod
    def _apply_masks(self) -> None: ...


def cubic(progress: float) -> float:
    """Return the share of the pruning that is done at this share of the steps: fast at first, 1 from the ramp's end."""
    return 1 - (1 - min(progress / RAMP, 1)) ** 3
