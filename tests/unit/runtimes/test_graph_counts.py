"""Counting parameters and MACs on graphs small enough to count by hand."""

from __future__ import annotations

import pytest

from harness.core.quantity import Missing
from harness.runtimes.graph_counts import (
    Counts,
    Graph,
    Node,
    Rule,
    Rules,
    by_filter,
    by_filter_of_inputs,
    by_rows,
    count,
)

RULES: Rules = {
    "Conv": Rule((1, 2), by_filter(1)),
    "MatMul": Rule((0, 1), by_rows),
    "Add": Rule((0, 1), least=2),
    "LSTM": None,
}
SHAPES = {"x": (1, 3, 8, 8), "w": (4, 3, 3, 3), "b": (4,), "y": (1, 4, 6, 6), "three": ()}
CONV = Node("Conv", ("x", "w", "b"), ("y",))


def graph(*nodes: Node, constants: tuple[str, ...] = ("w", "b"), **shapes: tuple[int, ...]) -> Graph:
    return Graph(nodes, {**SHAPES, **shapes}, dict.fromkeys(constants, True))


def test_a_convolution() -> None:
    assert count(graph(CONV), RULES) == Counts(4 * 3 * 9 + 4, (4 * 6 * 6) * (3 * 9))


def test_a_weight_that_two_operators_share_is_one_and_works_twice() -> None:
    twice = count(graph(CONV, Node("Conv", ("y", "w", ""), ("z",)), z=(1, 4, 6, 6)), RULES)
    assert twice == Counts(4 * 3 * 9 + 4, 2 * (4 * 6 * 6) * (3 * 9))


def test_weights_count_once_however_they_are_stored() -> None:
    stored = Node("Dequantize", ("w8", "scale"), ("w",))
    later = Node("Transpose", ("t",), ("w",))
    sizes = {"w8": (4, 3, 3, 3), "scale": (4,), "t": (4, 3, 3, 3)}
    expected = Counts(112, 3888)
    assert count(graph(CONV, stored, constants=("w8", "scale", "b"), **sizes), RULES) == expected
    first = Node("Cast", ("w8",), ("t",))
    assert count(graph(CONV, later, first, constants=("w8", "b"), **sizes), RULES) == expected


def test_what_is_no_weight_is_no_parameter() -> None:
    shape = Graph([Node("Add", ("b", "x"), ("y",))], SHAPES, {"b": False})
    assert count(shape, RULES) == Counts(0, 0)
    assert count(graph(Node("Add", ("x", "three"), ("y",)), constants=("three",)), RULES) == Counts(0, 0)
    assert count(graph(Node("Add", ("x", "b"), ("y",))), RULES) == Counts(4, 0)


def test_a_bias_of_one_channel_is_a_parameter() -> None:
    sizes = {"w": (1, 3, 3, 3), "b": (1,), "y": (1, 1, 6, 6)}
    assert count(graph(CONV, **sizes), RULES) == Counts(27 + 1, (6 * 6) * (3 * 9))


@pytest.mark.parametrize("kind", ["LSTM", "my.domain.Conv"])
def test_a_net_that_cannot_be_counted_whole_is_not_counted(kind: str) -> None:
    found = count(graph(CONV, Node(kind, ("y",), ("z",)), z=(1,)), RULES)
    assert isinstance(found, Missing)
    assert kind in found.reason


def test_a_shape_that_is_not_known_is_named() -> None:
    found = count(Graph([CONV], {"x": (1, 3, 8, 8)}, {}), RULES)
    assert found == Missing("the shape of 'w' is not known before the net runs")


@pytest.mark.parametrize(
    ("first", "output", "macs"),
    [
        ((5, 7), (5, 3), 5 * 7 * 3),
        ((7, 5), (5, 3), 5 * 7 * 3),  # transposed
        ((2, 5, 7), (2, 5, 3), 2 * 5 * 7 * 3),
        ((7,), (3,), 7 * 3),
        ((2, 5, 7), (2, 5), 2 * 5 * 7),  # by a vector
    ],
)
def test_matrix_products(first: tuple[int, ...], output: tuple[int, ...], macs: int) -> None:
    assert by_rows([first], output) == macs


def test_a_transposed_convolution_works_for_each_input() -> None:
    assert by_filter_of_inputs(0, 1)([(1, 8, 4, 4), (8, 16, 2, 2)], ()) == (8 * 4 * 4) * (16 * 2 * 2)
