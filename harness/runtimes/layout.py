"""Which tensor of one file stands for which of another, and how its dimensions lie.

Converters rename tensors, put them into another order and move channels from first to last; some runtimes leave out
dimensions of 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]


def pair_shapes(own: Mapping[str, Shape], reference: Mapping[str, Shape]) -> dict[str, str]:
    """Return the reference's tensor that each own one stands for.

    The one of the same name, else of the same place, else the first that is left, as far as shapes fit. Where nothing
    fits, as with a number of rows that depends on the input, the one of the same name or place in spite of its shape.
    Tensors without a counterpart are left out.
    """
    pairs: dict[str, str] = {}
    places = dict(zip(own, reference, strict=False))
    for fit in (True, False):
        for candidate in (lambda name: name, places.get):
            for name, shape in own.items():
                other = candidate(name)
                if name in pairs or other is None or other not in reference or other in pairs.values():
                    continue
                if not fit or _sorted(shape) == _sorted(reference[other]):
                    pairs[name] = other
        if fit:
            for name, shape in own.items():
                left = [one for one in reference if one not in pairs.values()]
                fitting = [one for one in left if _sorted(reference[one]) == _sorted(shape)]
                if name not in pairs and fitting:
                    pairs[name] = fitting[0]
    return pairs


def _sorted(shape: Shape) -> list[int]:
    return sorted(size for size in shape if size != 1)


def squeezed(shape: Shape) -> Shape:
    """Return the shape without dimensions of 1."""
    return tuple(size for size in shape if size != 1)


def layouts(own: Shape, other: Shape) -> list[Shape]:
    """Return the transpositions of `own` that give `other`, both without dimensions of 1: as it is, or channels moved.

    Channels move from last to first or from first to last, behind a first dimension or with it.
    """
    have, wanted = squeezed(own), squeezed(other)
    axes = tuple(range(len(have)))
    moved = [axes, axes[-1:] + axes[:-1], axes[1:] + axes[:1]]
    if len(axes) > 2:
        moved += [axes[:1] + axes[-1:] + axes[1:-1], axes[:1] + axes[2:] + axes[1:2]]
    fitting = (order for order in moved if tuple(have[axis] for axis in order) == wanted)
    return list(dict.fromkeys(fitting)) if len(have) == len(wanted) else []


def in_layout(values: NDArray[Any], order: Shape) -> NDArray[Any]:
    """Return the values without dimensions of 1, transposed."""
    return np.ascontiguousarray(values.squeeze().transpose(order))
