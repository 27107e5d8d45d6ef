"""Compare a model's outputs with its reference's, input by input.

Sums are taken block by block, so that a comparison needs little memory however large the outputs are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fidelity import FLOOR, OutputFidelity, Slice

NO_NUMBERS = "does not hold numbers"
"""Why an output of text or objects is not compared."""

SILENT = 1e-13
"""A slice with less than this share of its output's mean power counts as zero: fp32 holds seven digits."""

_MOST_SLICES = 4096
"""Axes longer than this are not compared slice by slice."""
_BLOCK = 1 << 18

Array = NDArray[Any]


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
        self._sums = [_Sums.of(axis, size) for axis, size in enumerate(own.shape) if 1 < size <= _MOST_SLICES]

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
