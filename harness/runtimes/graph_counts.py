"""Parameters and multiply-accumulates (MACs) of a net, from its graph with the shape of every value.

Counted is what papers count: MACs of convolutions and matrix products; parameters that those, normalisations,
embeddings and additions hold as constants. A runtime's library reads its own files and knows the shapes, so the rules
are in its operators' terms: see `harness.runtimes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from harness.core.quantity import Missing

Shape = tuple[int, ...]
Macs = Callable[[Sequence[Shape], Shape], int]
"""MACs of an operator by the shapes of its inputs, () for one that is left out, and of its first output."""


@dataclass(frozen=True)
class Counts:
    """Parameters and MACs of one inference of a file as it stands, without normalisations that were folded away."""

    parameters: int
    macs: int


@dataclass(frozen=True)
class Node:
    """An operator, with the names of the values it takes ('' for one that is left out) and gives."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """Nodes in any order, the `shapes` that are known, and which values stand in the file.

    `constants` says of each whether it may be a weight: shapes, axes and indices may not.
    """

    nodes: Sequence[Node]
    shapes: Mapping[str, Shape]
    constants: Mapping[str, bool]


@dataclass(frozen=True)
class Rule:
    """What to count of one kind of operator: `weights` are the places of its inputs that are parameters if constant.

    Those of fewer than `least` elements are none: x + 3 has no parameter.
    """

    weights: tuple[int, ...] = ()
    macs: Macs | None = None
    least: int = 1


Rules = Mapping[str, Rule | None]
"""By kind of operator; None for one whose MACs are more than its shapes tell. What is in no rule counts nothing, but
a kind with a '.' in its name: it belongs to a domain of its own, and only who wrote it knows what it does."""


def count(graph: Graph, rules: Rules) -> Counts | Missing:
    """Return the counts; Missing where an operator or a shape is unknown, since a sum without it would be wrong."""
    for node in graph.nodes:
        if rules.get(node.kind, None if "." in node.kind else Rule()) is None:
            return Missing(f"the net holds {node.kind}, whose MACs do not follow from its shapes")
    try:
        macs = sum(_macs(node, graph, rules) for node in graph.nodes)
        sizes = dict(_parameters(graph, rules))
    except KeyError as error:
        return Missing(f"the shape of {error} is not known before the net runs")
    return Counts(sum(sizes.values()), macs)


def _macs(node: Node, graph: Graph, rules: Rules) -> int:
    rule = rules.get(node.kind)
    if rule is None or rule.macs is None:
        return 0
    inputs = [graph.shapes[name] if name else () for name in node.inputs]
    return rule.macs(inputs, graph.shapes[node.outputs[0]])


def _parameters(graph: Graph, rules: Rules) -> Iterator[tuple[str, int]]:
    """Yield (constant, elements) of every weight; a shared one several times."""
    roots = _roots(graph)
    for node in graph.nodes:
        rule = rules.get(node.kind) or Rule()
        for name in (node.inputs[place] for place in rule.weights if place < len(node.inputs)):
            if name in roots and graph.constants[roots[name]]:
                size = prod(graph.shapes[name])
                if size >= rule.least:
                    yield roots[name], size


def _roots(graph: Graph) -> dict[str, str]:
    """Map each value computed from constants alone (dequantized, cast, transposed) to the constant it comes from."""
    roots = {name: name for name in graph.constants}
    while True:
        made = {
            output: roots[next(filter(None, node.inputs))]
            for node in graph.nodes
            if any(node.inputs) and all(name in roots for name in node.inputs if name)
            for output in node.outputs
            if output not in roots
        }
        if not made:
            return roots
        roots |= made


def by_filter(place: int, first: int = 1, behind: int | None = None) -> Macs:
    """Return the MACs of a convolution: each output takes one per weight of its filter, axes `first` to `behind`."""
    return lambda inputs, output: prod(output) * prod(inputs[place][first:behind])


def by_filter_of_inputs(place: int, weights: int, first: int = 1, behind: int | None = None) -> Macs:
    """Return the MACs of a transposed convolution: one per element at `place` and weight of its filter."""
    return lambda inputs, _: prod(inputs[place]) * prod(inputs[weights][first:behind])


def by_rows(inputs: Sequence[Shape], output: Shape) -> int:
    """Return the MACs of a product of stacks of matrices, the first perhaps transposed: one per output and column."""
    first = inputs[0]
    plain = len(first) < 2 or len(output) < max(2, len(first))  # one of the two is a vector
    inner = first[-1] if plain else first[-1] * first[-2] // output[-2]
    return prod(output) * inner
