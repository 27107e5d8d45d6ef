"""``distilled``: the net is tuned on a teacher's outputs as well as on the labels."""

from __future__ import annotations

from typing import Any

from suites.compression.tuned import Tuned

TEMPERATURE, WEIGHT = 2.0, 0.7
"""Logits are divided by the temperature; the weight is the teacher's share of the loss (arXiv 1503.02531)."""


class Distilled(Tuned):
    """Costs nothing on the device: same graph, other weights."""

    name = "distilled"
    description = "fine-tuned on the outputs of a more accurate net as well as on the labels"
    note = "same graph as without: any gain is in accuracy"
    taught = True

    def parameters(self) -> dict[str, Any]:
        """Temperature and share of the teacher."""
        return {"temperature": TEMPERATURE, "teacher_weight": WEIGHT}


SETTING = Distilled()
