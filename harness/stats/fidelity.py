"""How close a model's outputs are to its reference's: output by output, so that the worst one decides.

All outputs joined would hide a broken one: box coordinates in pixels outweigh a score tensor of zeros by 10^8. So each
output is judged by itself, and one that mixes scales also slice by slice. `output_comparison` takes the figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.core.quantity import Missing, Quantity, Value

from . import wilson

NAMES = ("fidelity_sqnr_db", "fidelity_cosine", "fidelity_max_abs", "fidelity_agreement")

SQNR_DB = {"fp32": 50.0, "tf32": 40.0, "fp16": 30.0, "bf16": 10.0}
"""Least signal to noise of a plain net by its precision. fp32 on two libraries agrees to more than 100 dB; the eleven
bits of fp16 leave 40 to 60, the eight of bf16 20 to 45 on these nets."""

COSINE = 0.7
"""Least cosine of the outputs of any setting: below, the part that differs is as large as the part that agrees."""

EQUAL = 0.5
"""Least share of equal values of an integer output: below, more of them differ than agree."""

FLOOR = {"fp32": 1e-9, "tf32": 1e-5, "fp16": 1e-5, "bf16": 1e-3, "": 1e-3}
"""A slice with less than this share of its output's mean power may be drowned by the rounding of that precision."""

RESOLVED = 1 / 64
"""What a changed net gives as zero counts as lost where the reference reaches this value: eight bits of a probability
have 1/256, so that smaller ones may be rounded away, such as the scores of a class that no image shows."""


@dataclass(frozen=True)
class Slice:
    """The slice of an output, along one axis, that fits its reference worst.

    Attributes:
        axis: The axis of the output's shape without dimensions of 1; -1 for one value of a row, over all inputs.
        index: Where it lies on the axis.
        cosine: Its cosine to the reference's slice; 0 where it is all zero.
        power: Its mean power in the reference, as a share of the whole output's.
        peak: Largest absolute value of the reference in it.
        zero: Whether it is all zero.
        short: Whether this is the shortest axis, along which an output may mix scales.
    """

    axis: int
    index: int
    cosine: float
    power: float
    peak: float
    zero: bool = False
    short: bool = False

    def wrong(self, precision: str) -> bool:
        """Return whether the slice alone shows that the output is wrong.

        Args:
            precision: That of a plain net, '' for a changed one, of which only the shortest axis is judged.
        """
        if self.cosine >= COSINE or not (self.short or precision in ("fp32", "tf32")):
            return False
        if self.zero:
            return precision in SQNR_DB or self.peak >= RESOLVED
        return self.power >= FLOOR.get(precision, FLOOR[""])

    def __str__(self) -> str:
        return f"value {self.index}" if self.axis < 0 else f"slice {self.index} of axis {self.axis}"


@dataclass(frozen=True)
class OutputFidelity:
    """One output of a model, over all probe inputs, beside its reference's.

    Attributes:
        name: The output's name in this model.
        reference: Its name in the reference; '' where there is no reference.
        n: How many inputs were compared.
        sqnr_db: Signal to noise in dB, None where the two are equal or the reference is all zero.
        cosine: Cosine to the reference; 0 where only this output is all zero, None where both are or it is no float.
        max_abs: Largest absolute difference.
        agreeing: Inputs whose largest value is where the reference's is; None where the output is no row of values.
        equal: Share of equal values of an integer output; None for floats.
        slices: The slices that fit worst along each axis, for each of the floors they are judged by.
        peak: Largest absolute value of the reference.
        zero: Whether all values are zero in every input; with a reference, whether those of the reference are not.
        not_finite: Which values are not finite, and from which input on; '' where none are.
        repeatable: Whether the reference gives the same output for the same input again.
        reason: Why it was not compared; '' where it was.
    """

    name: str
    reference: str = ""
    n: int = 0
    sqnr_db: float | None = None
    cosine: float | None = None
    max_abs: float | None = None
    agreeing: int | None = None
    equal: float | None = None
    slices: tuple[Slice, ...] = ()
    peak: float | None = None
    zero: bool = False
    not_finite: str = ""
    repeatable: bool = True
    reason: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OutputFidelity:
        """Build it from plain JSON types. TypeError on an unknown key."""
        return cls(**{**data, "slices": tuple(Slice(**each) for each in data["slices"])})

    @property
    def compared(self) -> bool:
        """Whether there are figures."""
        return not self.reason and not self.not_finite and self.n > 0

    @property
    def shows_nothing(self) -> bool:
        """Whether it is zero for every input, and that is no fault: two dead outputs are as equal as two right ones."""
        return (self.zero and not self.fault("")) or (self.cosine is None and self.equal is None and self.peak == 0)

    def fault(self, precision: str) -> str:
        """Return why this output cannot be called the net's, '' where it can or there is nothing to judge it by.

        Args:
            precision: That of a plain net, rounded and nothing else; '' for a net that a setting has changed, which
                may differ as far as `COSINE` lets it.
        """
        if self.not_finite:
            return f"output '{self.name}' is not finite: {self.not_finite}"
        if self.zero and self.peak is not None and (precision in SQNR_DB or self.peak >= RESOLVED):
            return f"output '{self.name}' is zero for all {self.n} inputs, the fp32 reference's is not"
        return f"output '{self.name}': {unlike}" if self.repeatable and (unlike := self.unlike(precision)) else ""

    def unlike(self, precision: str) -> str:
        """Return by what the output differs too much from the reference's, repeatable or not; '' where by nothing."""
        if not self.compared:
            return ""
        if self.equal is not None and self.equal < EQUAL:
            return f"{self.equal:.0%} of its values are the fp32 reference's, {EQUAL:.0%} expected of any setting"
        if self.cosine is not None and self.cosine < COSINE and not self.zero:
            return f"cosine {self.cosine:.2f} to the fp32 reference, {COSINE:g} expected of any setting"
        worst = min((one for one in self.slices if one.wrong(precision)), key=lambda one: one.cosine, default=None)
        if worst is not None:
            return f"cosine {worst.cosine:.2f} to the fp32 reference in {worst}, {COSINE:g} expected of any setting"
        least = SQNR_DB.get(precision)
        if least is not None and self.sqnr_db is not None and self.sqnr_db < least:
            return f"{self.sqnr_db:.1f} dB to the fp32 reference, {least:g} expected of {precision}"
        return ""


def metrics(outputs: Sequence[OutputFidelity], precision: str = "") -> dict[str, Quantity]:
    """Return the metrics of `NAMES`, each of the output that fits worst.

    Outputs that the reference does not repeat count only where they fit all the same, as those of a net with a state
    do; where no output is left, the metrics are missing, and say why.
    """
    if broken := next((one for one in outputs if one.not_finite), None):
        return dict.fromkeys(NAMES, Missing(broken.fault("")))
    compared = [one for one in outputs if one.compared]
    counted = [one for one in compared if one.repeatable or not one.unlike(precision)]
    if not counted:
        return dict.fromkeys(NAMES, Missing(_absent(outputs, compared)))
    sqnr = [(one.sqnr_db, one.n) for one in counted if one.sqnr_db is not None]
    cosine = [(one.cosine, one.n) for one in counted if one.cosine is not None]
    largest = [(one.max_abs, one.n) for one in counted if one.max_abs is not None]
    agreeing = [(one.agreeing, one.n) for one in counted if one.agreeing is not None]
    equal = all(one.max_abs == 0 for one in counted)
    same = "outputs are equal to the reference's to the last bit" if equal else "the reference's outputs are all zero"
    return {
        "fidelity_sqnr_db": _value(min(sqnr)) if sqnr else Missing(same if equal else _without(counted)),
        "fidelity_cosine": _value(min(cosine)) if cosine else Missing(_without(counted)),
        "fidelity_max_abs": _value(max(largest)),
        "fidelity_agreement": _share(min(agreeing)) if agreeing else Missing("no output is a row of classes"),
    }


def _value(found: tuple[float, int]) -> Value:
    return Value(found[0], n=found[1])


def _share(found: tuple[int, int]) -> Value:
    k, n = found
    lo, hi = wilson(k, n)
    return Value(k / n, lo, hi, n)


def _without(outputs: Sequence[OutputFidelity]) -> str:
    integers = all(one.equal is not None for one in outputs)
    return "the outputs are integers" if integers else "the reference's outputs are all zero"


def _absent(outputs: Sequence[OutputFidelity], compared: Sequence[OutputFidelity]) -> str:
    if compared:
        names = ", ".join(f"'{one.name}'" for one in compared)
        return f"not repeatable: the reference gives another output {names} for the same input"
    return "; ".join(dict.fromkeys(f"output '{one.name}': {one.reason}" for one in outputs)) or "the net has no output"
