"""``distilled``: the net is tuned on a teacher's outputs as well as on the labels.

``fine-tuned``: the same schedule with the labels alone, so that what the teacher is worth can be told.
"""

from __future__ import annotations

from typing import Any

from .base import Compression, Tuned

TEMPERATURE, WEIGHT = 1.0, 0.9
"""Logits are divided by the temperature; the weight is the teacher's share of the loss (arXiv 1503.02531).

At 1 the outputs are learnt as they are. At 3, usual for larger nets, two pupils of three did worse than without a
teacher (docs/compression.md).
"""


class FineTuned(Tuned):
    """The net learns on from where its training ended."""

    name = "fine-tuned"
    description = "trained on with the labels: what distilled is to be compared with"
    note = "same graph as without: any gain is in accuracy"
    epochs = 6
    learning_rate = 0.1

    def parameters(self) -> dict[str, Any]:
        """What is learnt from."""
        return {"learns_from": "labels"}


class Distilled(FineTuned):
    """Costs nothing on the device: same graph, other weights."""

    name = "distilled"
    description = "trained on with the outputs of a larger net of the family as well as the labels"
    taught = True

    def parameters(self) -> dict[str, Any]:
        """Temperature and share of the teacher."""
        return {"temperature": TEMPERATURE, "teacher_weight": WEIGHT}


PLUGINS: tuple[Compression, ...] = (Distilled(), FineTuned())
