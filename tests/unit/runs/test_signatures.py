"""Signatures of users' models: each a case with a name, a file and a parent of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import ModelError
from harness.measure.prepared import PreparedCase
from harness.runs.config import RunConfig
from harness.runs.plan import Plan, plan
from harness.runs.variants import VariantResolver
from tests import tflite_bytes
from tests.onnx_bytes import onnx_with_weights

LITERT = "litert-xnnpack"


def file(path: Path, names: Sequence[str] = ("double", "square")) -> str:
    """A .tflite with two graphs under these names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tflite_bytes.two_signatures(names))
    return str(path)


def planned(*models: str, **changes: Any) -> Plan:
    return plan(RunConfig(models=models, **{"runtimes": [LITERT], **changes}))


def names(found: Plan) -> list[str]:
    return [case.model for case in found.cases]


@pytest.mark.parametrize(
    ("asked", "models", "run"),
    [
        ([], ["net"], [""]),
        (["all"], ["net:double", "net:square"], ["double", "square"]),
        (["square"], ["net:square"], ["square"]),
        (["square", "double", "square"], ["net:square", "net:double"], ["square", "double"]),
        (["double", "all"], ["net:double", "net:square"], ["double", "square"]),
    ],
)
def test_each_signature_that_is_asked_for_is_a_case(
    tmp_path: Path, asked: list[str], models: list[str], run: list[str]
) -> None:
    found = planned(file(tmp_path / "net.tflite"), signatures=asked)
    assert names(found) == models
    assert [one.options.signature for one in found.prepared] == run
    assert [one.artifact.signature for one in found.prepared] == run


def test_a_model_without_signatures_is_measured_as_it_is_among_all(tmp_path: Path) -> None:
    weights = onnx_with_weights(tmp_path / "other.onnx", "w")
    both = planned(file(tmp_path / "net.tflite"), str(weights), signatures=["all"], runtimes=[LITERT, "openvino-cpu"])
    assert names(both) == ["net:double", "net:square", "other"]
    some = planned(file(tmp_path / "net.tflite"), str(weights), signatures=["square"])
    assert names(some) == ["net:square", "other"]
    assert [verdict.reason for verdict in some.refused.values()] == [
        f"{weights} has no signature 'square': it has none"
    ]


def test_signatures_of_one_file_share_nothing_that_tells_cases_apart(tmp_path: Path) -> None:
    """Names that are alike as file names and in other files' names too."""
    odd = ("in fer/a", "in_fer_a")
    first, second = (file(tmp_path / folder / "net.tflite", odd) for folder in ("v1", "v2"))
    found = planned(first, second, signatures=["all"], threads=2)
    assert names(found) == [f"{folder}/net.tflite:{name}" for folder in ("v1", "v2") for name in odd]
    assert len({case.id for case in found.cases}) == 4
    (one, other), _ = (found.prepared[:2], found.prepared[2:])
    assert one.artifact.sha256 == other.artifact.sha256
    assert one.outputs_key != other.outputs_key


def test_threads_and_load_leave_outputs_as_they_are(tmp_path: Path) -> None:
    def key(**changes: Any) -> tuple[str, ...]:
        (prepared,) = planned(file(tmp_path / "net.tflite"), signatures=["square"], **changes).prepared
        return prepared.outputs_key

    assert key() == key(threads=2) == key(scenario="Offline")
    assert key() != key(runtime_options={LITERT: {"some": "option"}})


def test_each_signature_is_compared_with_its_own_of_the_reference(tmp_path: Path) -> None:
    reference = file(tmp_path / "float.tflite", ("double", "cube"))
    found = planned(file(tmp_path / "net.tflite"), signatures=["all"], reference=reference)

    def parent(prepared: PreparedCase) -> tuple[str, str]:
        assert prepared.output_reference is not None
        assert prepared.output_reference.artifact.path == Path(reference)
        return prepared.output_reference.case.model, prepared.output_reference.options.signature

    assert [parent(one) for one in found.prepared] == [("float:double", "double"), ("float", "")]


def test_a_replaced_file_runs_the_signature_of_its_case(tmp_path: Path) -> None:
    other = Path(file(tmp_path / "other.tflite", ("square", "double")))
    case_id = f"net:square|as-is|{LITERT}|t1"
    found = planned(file(tmp_path / "net.tflite"), signatures=["all"], replacements={case_id: other})
    assert [(one.artifact.path.name, one.options.signature) for one in found.prepared] == [
        ("net.tflite", "double"),
        ("other.tflite", "square"),
    ]


def test_variants_of_a_comparison_run_the_signature_that_is_asked_for(tmp_path: Path) -> None:
    from harness.core.hostfs import HostFs
    from harness.host.resource_limits import ResourceLimits
    from harness.runs.plan import find_target

    limits = ResourceLimits.on(find_target("auto", HostFs()), None, None)
    net = file(tmp_path / "net.tflite")
    variant = VariantResolver(limits, signature="square").resolve(net)
    assert (variant.prepared.options.signature, variant.prepared.case.model) == ("square", "net:square")
    with pytest.raises(ModelError, match="no signature 'cube'"):
        VariantResolver(limits, signature="cube").resolve(net)
