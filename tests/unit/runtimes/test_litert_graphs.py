"""Tensors by their place and signatures by their name: the right tensor is fed and fetched whatever it is called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.core import plugins
from harness.core.execution import OperatorProfile
from harness.core.quantity import Missing
from harness.runtimes.base import Adapter, Options, Session, SessionError
from harness.runtimes.litert import adapter
from harness.runtimes.litert.model import Declarations, declarations
from tests.tflite_bytes import (
    CUSTOM,
    FLOAT,
    LOGISTIC,
    TWO,
    Op,
    Signature,
    chain,
    model,
    resource_variable,
    subtraction,
    two_signatures,
)
from tests.tflite_bytes import variable_tensor as with_variable_tensor

LITERT: Adapter = plugins.load("runtimes", "litert-xnnpack")


def opened(folder: Path, data: bytes, **options: str) -> Session:
    path = folder / "m.tflite"
    path.write_bytes(data)
    return LITERT.open(path, Options(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "inputs", "outputs"),
    [
        (("", "", "", ""), ["input0", "input1"], ["output0", "output1"]),
        (("x", "x", "y", "y"), ["x#0", "x#1"], ["y#0", "y#1"]),
        (("a", "b", "c", "d"), ["a", "b"], ["c", "d"]),
        (("input1", "", "c", ""), ["input1#0", "input1#1"], ["c", "output1"]),
    ],
    ids=["none", "alike", "own", "clash"],
)
def test_every_input_and_output_has_its_own_values(
    tmp_path: Path, names: tuple[str, ...], inputs: list[str], outputs: list[str]
) -> None:
    session = opened(tmp_path, subtraction(*names))
    assert [spec.name for spec in session.inputs] == inputs
    session.prepare({inputs[0]: np.full((1, 4), 5, np.float32), inputs[1]: np.full((1, 4), 3, np.float32)})
    session.infer()
    fetched = session.fetch()
    assert list(fetched) == outputs
    np.testing.assert_allclose(fetched[outputs[0]], np.full((1, 4), 2.0))
    np.testing.assert_allclose(fetched[outputs[1]], np.full((1, 4), 1 / (1 + np.exp(-2))), rtol=1e-5)
    assert isinstance(session.profile(2), OperatorProfile if all(names) and len(set(names)) == 4 else Missing)


def test_the_values_of_an_input_reach_no_other_one(tmp_path: Path) -> None:
    session = opened(tmp_path, subtraction("", "", "", ""))
    for a, b in ((1, 2), (7, 3)):
        session.prepare({"input0": np.full((1, 4), a, np.float32), "input1": np.full((1, 4), b, np.float32)})
        session.infer()
        assert session.fetch()["output0"].tolist() == [[a - b] * 4]


@pytest.mark.parametrize(("signature", "x", "y"), [("double", [1, 2, 3, 4], [2, 4, 6, 8]), ("square", [3, 4], [9, 16])])
def test_a_signature_runs_its_own_graph(tmp_path: Path, signature: str, x: list[float], y: list[float]) -> None:
    session = opened(tmp_path, two_signatures(), signature=signature)
    assert [spec.name for spec in session.inputs] == ["x"]
    session.prepare({"x": np.float32([x])})
    session.infer()
    assert {name: array.tolist() for name, array in session.fetch().items()} == {"y": [y]}
    assert session.info()["signature"] == signature
    profile = session.profile(2)
    assert isinstance(profile, OperatorProfile)
    assert not isinstance(session.execution(), Missing)


def test_a_graph_beside_the_primary_one_is_resized_for_a_batch(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(two_signatures())
    session = LITERT.open(tmp_path / "m.tflite", Options(signature="square", batch=3))
    session.prepare({"x": np.float32([[1, 2], [3, 4], [5, 6]])})
    session.infer()
    assert session.fetch()["y"].tolist() == [[1, 4], [9, 16], [25, 36]]


def test_an_unknown_signature_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="no signature 'encode': it has double, square") as raised:
        opened(tmp_path, two_signatures(), signature="encode")
    assert raised.value.remedy == "--signature double, or all"


def test_the_primary_graph_is_named_first_among_those_that_are_not_asked_for(tmp_path: Path) -> None:
    assert opened(tmp_path, two_signatures()).signatures == ("double", "square")
    assert opened(tmp_path, two_signatures(), signature="square").signatures == ()
    reversed_names = model(*TWO, signatures=[Signature(name, 1, {"x": 0}, {"y": 1}) for name in ("a", "b")])
    assert opened(tmp_path, reversed_names).signatures == ("the primary graph", "a", "b")
    alone = model(TWO[0], signatures=[Signature("only", 0, {"x": 0}, {"y": 1})])
    assert opened(tmp_path, alone).signatures == ()


def test_a_file_declares_its_signatures_and_variables(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    found = []
    plain = chain(Op(LOGISTIC, FLOAT), start=FLOAT)
    for data in (two_signatures(), with_variable_tensor(), resource_variable(), plain):
        path.write_bytes(data)
        found.append(declarations(path))
    assert found == [
        Declarations(signatures={"double": 0, "square": 1}),
        Declarations(variable_tensors={0: ("memory",)}),
        Declarations(resources=("total",)),
        Declarations(),
    ]
    path.write_bytes(two_signatures())
    assert LITERT.signatures(path) == ("double", "square")


@pytest.mark.parametrize(
    "data", [b"", b"short", b"\0" * 40, two_signatures()[:200], b"\xff\xff\xff\x7fTFL3" + b"\xff" * 64]
)
def test_a_damaged_file_declares_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.tflite").write_bytes(data)
    assert declarations(tmp_path / "m.tflite") == Declarations()


FLEX = chain(Op(LOGISTIC, FLOAT), Op(CUSTOM, FLOAT, b"FlexErf", b"\x00"), start=FLOAT)


def test_tensorflow_operators_name_the_delegate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "installed", lambda _: False)
    with pytest.raises(SessionError, match="FlexErf") as raised:
        opened(tmp_path, FLEX)
    assert raised.value.remedy.startswith("TensorFlow's operator Erf needs the Flex delegate")


def test_where_tensorflow_is_installed_its_interpreter_takes_such_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = adapter._interpreter_module(LITERT.module)
    opened_by = []

    def imported(library: str) -> object:
        opened_by.append(library)
        return module

    monkeypatch.setattr(adapter, "_interpreter_module", imported)
    monkeypatch.setattr(adapter, "installed", lambda name: name == "tensorflow")
    with pytest.raises(SessionError, match="FlexErf"):
        opened(tmp_path, FLEX)  # the interpreter stands in for TensorFlow's, and has no Flex delegate
    assert opened_by == [LITERT.module, "tensorflow"]
