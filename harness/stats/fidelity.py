"""How close a model's outputs are to its reference's: output by output, so that the worst one decides.

All outputs joined would hide a broken one: box coordinates in pixels outweigh a score tensor of zeros by 10^8. So each
output is compared by itself, and one that mixes scales also slice by slice.

Sums are taken block by block, so that a comparison needs little memory however large the outputs are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

SILENT = 1e-13
"""A slice with less than this share of its output's mean power counts as zero: fp32 holds seven digits."""

RESOLVED = 1 / 64
"""What a changed net gives as zero counts as lost where the reference reaches this value: eight bits of a probability
have 1/256, so that smaller ones may be rounded away, such as the scores of a class that no image shows."""

NO_NUMBERS = "does not hold numbers"
"""Why an output of text or objects is not compared."""

MOST_SLICES = 4096
_BLOCK = 1 << 18

Array = NDArray[Any]


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


@dataclass
class _Sums:
    """Sums over all inputs along one axis, by index: the squares of both, and their products; the reference's peak."""

    axis: int
    own: Array
    reference: Array
    product: Array
    peak: Array

    @classmethod
    def of(cls, axis: int, size: int) -> _Sums:
        return cls(axis, *np.zeros((4, size)))

    def add(self, place: slice, others: tuple[int, ...], own: Array, reference: Array) -> None:
        self.own[place] += (own * own).sum(axis=others)
        self.reference[place] += (reference * reference).sum(axis=others)
        self.product[place] += (own * reference).sum(axis=others)
        np.maximum(self.peak[place], np.abs(reference).max(axis=others, initial=0), out=self.peak[place])

    def worst(self, row: bool, short: bool) -> Iterator[Slice]:
        """Yield the slice of least cosine above each floor, and of the slices that are zero the one of largest peak."""
        total = float(self.reference.mean())
        if total == 0:
            return
        share = self.reference / total
        lengths = np.sqrt(self.own * self.reference)
        cosine = np.divide(self.product, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        zero = (self.own == 0) & (share >= SILENT)
        chosen = {int(np.where(zero, self.peak, -1).argmax())} if zero.any() else set()
        for floor in set(FLOOR.values()):
            if (able := (share >= floor) & ~zero).any():
                chosen.add(int(np.where(able, cosine, np.inf).argmin()))
        for index in sorted(chosen):
            yield Slice(
                axis=-1 if row else self.axis,
                index=index,
                cosine=float(cosine[index]),
                power=float(share[index]),
                peak=float(self.peak[index]),
                zero=bool(zero[index]),
                short=short,
            )


@dataclass
class OutputComparison:
    """Compares one output with its reference's, input by input, in sums alone."""

    name: str
    reference: str = ""
    repeatable: bool = True
    _seen: int = 0
    _n: int = 0
    _broken: int = 0
    _first_broken: str = ""
    _unlike: str = ""
    _shape: tuple[int, ...] = ()
    _values: int = 0
    _equal: int | None = None
    _agreeing: int | None = None
    _own: float = 0.0
    _power: float = 0.0
    _product: float = 0.0
    _noise: float = 0.0
    _largest: float = 0.0
    _peak: float = 0.0
    _sums: list[_Sums] = field(default_factory=list)

    def add(self, own: Array, reference: Array | None) -> None:
        """Take in the output for the next input, and the reference's for the same one, None without a reference."""
        number, self._seen = self._seen, self._seen + 1
        if own.dtype.kind not in "fiub" or (reference is not None and reference.dtype.kind not in "fiub"):
            self._unlike = self._unlike or NO_NUMBERS
            return
        own = own.squeeze()
        reference = None if reference is None else reference.squeeze()
        fits = reference is not None and own.shape == reference.shape
        if broken := _not_finite(own, reference if fits else None):
            self._broken += 1
            self._first_broken = self._first_broken or f"{broken} from input {number} on"
        if reference is None:
            self._values += own.size
            self._own += float(np.abs(np.nan_to_num(own, posinf=0.0, neginf=0.0)).max(initial=0))
        elif not fits:
            shapes = f"{list(own.shape)} values, the reference has {list(reference.shape)}"
            self._unlike = self._unlike or f"{shapes} (input {number})"
        else:
            self._compare(own, reference)

    def _compare(self, own: Array, reference: Array) -> None:
        if not self._n:
            self._begin(own, reference)
        self._n += 1
        self._values += own.size
        if self._equal is not None:
            self._equal += int((own == reference).sum())
        if self._agreeing is not None and own.size:
            self._agreeing += int(_best(own) == _best(reference))
        for place in blocks(own.shape):
            self._add(place, own[place], reference[place], own.shape == self._shape)

    def _begin(self, own: Array, reference: Array) -> None:
        """Choose what to compare by the first input."""
        self._shape = own.shape
        if own.dtype.kind in "iub" and reference.dtype.kind in "iub":
            self._equal = 0
        elif own.ndim == 1 and own.size > 1:
            self._agreeing = 0
        self._sums = [_Sums.of(axis, size) for axis, size in enumerate(own.shape) if 1 < size <= MOST_SLICES]

    def _add(self, place: tuple[slice, ...], own: Array, reference: Array, whole: bool) -> None:
        a, b = own.astype(np.float64), reference.astype(np.float64)
        finite = np.isfinite(a) & np.isfinite(b)
        if not finite.all():
            a, b = np.where(finite, a, 0.0), np.where(finite, b, 0.0)
        self._own += float(np.vdot(a, a))
        self._power += float(np.vdot(b, b))
        self._product += float(np.vdot(a, b))
        noise = a - b
        self._noise += float(np.vdot(noise, noise))
        self._largest = max(self._largest, float(np.abs(noise).max(initial=0)))
        self._peak = max(self._peak, float(np.abs(b).max(initial=0)))
        for sums in self._sums if whole else ():
            sums.add(place[sums.axis], tuple(axis for axis in range(a.ndim) if axis != sums.axis), a, b)

    def result(self) -> OutputFidelity:
        """Return the figures over all inputs so far."""
        broken = f"{self._first_broken}, in {self._broken} of {self._seen} inputs" if self._broken else ""
        if not self._n or not self._values:
            reason = self._unlike or "there is no reference to compare with"
            if self._seen and not self._values and not self._unlike:
                reason = "it is empty for every input"
            zero = not self.reference and self._values > 0 and not self._unlike and not broken and self._own == 0
            return OutputFidelity(self.name, self.reference, not_finite=broken, zero=zero, reason=reason)
        lengths = math.sqrt(self._own) * math.sqrt(self._power)
        integers = self._equal is not None
        both_zero = self._own == 0 and self._power == 0
        return OutputFidelity(
            name=self.name,
            reference=self.reference,
            n=self._n,
            sqnr_db=None if integers else self._sqnr_db(),
            cosine=None if integers or both_zero else self._product / lengths if lengths else 0.0,
            max_abs=self._largest,
            agreeing=self._agreeing,
            equal=self._equal / max(self._values, 1) if self._equal is not None else None,
            slices=() if integers else tuple(self._slices()),
            peak=self._peak,
            zero=self._own == 0 and self._power > 0,
            not_finite=broken,
            repeatable=self.repeatable,
        )

    def _sqnr_db(self) -> float | None:
        if self._noise == 0 or self._power == 0:
            return None
        return 10 * math.log10(self._power / self._noise)

    def _slices(self) -> Iterator[Slice]:
        row = len(self._shape) == 1
        short = None if row or not self._sums else min(self._sums, key=lambda one: (len(one.own), -one.axis))
        for sums in self._sums:
            yield from sums.worst(row, sums is short)


def blocks(shape: tuple[int, ...], most: int = _BLOCK) -> Iterator[tuple[slice, ...]]:
    """Yield the blocks of an array, each of at most `most` values, as far as its first axes can be cut."""
    steps, left = [], math.prod(shape)
    for size in shape:
        left //= max(size, 1)
        steps.append(max(1, min(size, most // max(left, 1))))
    starts = (range(0, size, step) for size, step in zip(shape, steps, strict=True))
    for corner in itertools.product(*starts):
        yield tuple(slice(start, start + step) for start, step in zip(corner, steps, strict=True))


def _best(values: Array) -> int:
    """Return the place of the largest value; a NaN is never it."""
    return (
        int(np.where(np.isnan(values), -np.inf, values).argmax()) if values.dtype.kind == "f" else int(values.argmax())
    )


def _not_finite(own: Array, reference: Array | None) -> str:
    """Return 'NaN', 'inf' or '-inf' where such a value is a fault, '' where there is none.

    Minus infinity is how a net masks a value or writes the logarithm of 0: it is no fault where the reference has it
    too, or where it stands below all other values and so changes no order.
    """
    if own.dtype.kind != "f" or np.isfinite(own).all():
        return ""
    if np.isnan(own).any():
        return "NaN"
    masked = own == -np.inf
    by_design = np.zeros_like(masked) if reference is None else own == reference
    if (np.isposinf(own) & ~by_design).any():
        return "inf"
    finite = own[np.isfinite(own)]
    if not finite.size and not by_design.all():
        return "-inf"
    if reference is not None and (masked & ~by_design & (reference > finite.min(initial=np.inf))).any():
        return "-inf"
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
