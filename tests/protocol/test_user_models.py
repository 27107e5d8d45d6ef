"""The promises of docs/user-models.md, one test each, on small models that ONNX Runtime runs."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from harness.cli.explain import situation
from harness.core.artifact import Preprocess, deflated_size_of, sha256_of, size_of
from harness.core.case import Case
from harness.core.errors import ModelError, UnknownName, UsageError
from harness.core.quantity import Value
from harness.core.record import Record, display_texts
from harness.diagnosis import explain
from harness.measure.passes.accuracy import AccuracyPass, CaseOutputs
from harness.measure.passes.fidelity import FidelityPass
from harness.measure.prepared import PreparedCase, count_metrics
from harness.runs.config import RunConfig
from harness.runs.model_export import export_models
from harness.runs.plan import Plan, plan
from harness.runs.resuming import resumed
from harness.runs.session import RunSession
from harness.runtimes.graph_counts import Counts
from harness.store.runfolder import RunFolder, latencies_ns
from reports.terminal.table import final_table
from suites.post_training import CompressedModel, chosen, graph
from suites.user_model import UserModel
from tests import tflite_bytes
from tests.onnx_bytes import FLOAT, External, colours, network

Nodes = Sequence[tuple[str, Sequence[str], Sequence[str], Mapping[str, Any]]]
RUNTIME = "onnxruntime-cpu"


def colour_net(path: Path, order: Sequence[int] = (2, 1, 0), external: bool = False, **shape: Any) -> Path:
    """A net that names the strongest colour of a picture: blue, green, red; right answers need order (2, 1, 0)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data, weights = colours(order, location="weights.bin" if external else "", **shape)
    path.write_bytes(data)
    if external:
        (path.parent / "weights.bin").write_bytes(weights)
    return path


def conv(path: Path, batch: int | str = 1) -> Path:
    """A convolution of 4 x 4 px with 8 filters of 3 x 1 x 1: 8 * 3 * 16 = 384 MACs."""
    weights = np.random.default_rng(0).normal(size=(8, 3, 1, 1)).astype(np.float32)
    shapes = {"x": (FLOAT, (batch, 3, 4, 4))}, {"y": (FLOAT, (batch, 8, 4, 4))}
    path.write_bytes(network([("Conv", ["x", "w"], ["y"], {})], *shapes, {"w": weights}))
    return path


def concat(path: Path, past: Sequence[int | str]) -> Path:
    """A decoder's cache: the past and the new entry, one behind the other."""
    inputs = {"past": (FLOAT, past), "x": (FLOAT, (1, 2, 1, 8))}
    path.write_bytes(
        network([("Concat", ["past", "x"], ["y"], {"axis": 2})], inputs, {"y": (FLOAT, (1, 2, "total", 8))})
    )
    return path


def pictures(folder: Path, per_class: int = 3) -> Path:
    """Class folders of pictures of one colour each."""
    for name, channel in (("blue", 2), ("green", 1), ("red", 0)):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            pixels = np.zeros((16, 16, 3), np.uint8)
            pixels[..., channel] = 200 + number
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def planned(*models: Path, **changes: Any) -> Plan:
    return plan(RunConfig(models=[str(model) for model in models], **{"runtimes": [RUNTIME], **changes}))


def the_one(*models: Path, **changes: Any) -> PreparedCase:
    (prepared,) = planned(*models, **changes).prepared
    return prepared


def outputs(prepared: PreparedCase, tmp_path: Path) -> CaseOutputs:
    """What the accuracy pass gives for a case."""
    scores = AccuracyPass(tmp_path)
    scores.run([prepared])
    found = scores.of(prepared)
    assert isinstance(found, CaseOutputs), found
    return found


def measured(tmp_path: Path, **config: Any) -> tuple[RunFolder, list[Record]]:
    """Run a configuration in the profile 'smoke'."""
    whole = RunConfig(profile="smoke", out=str(tmp_path / "run"), **{"runtimes": [RUNTIME], **config})
    with RunSession(whole, plan(whole)) as session:
        records = [event for event in session.run() if isinstance(event, Record)]
    return session.folder, records


# Which model it is


def test_a_model_is_all_its_files(tmp_path: Path) -> None:
    good, bad = (colour_net(tmp_path / name / "net.onnx", order, external=True)
                 for name, order in (("good", (2, 1, 0)), ("bad", (0, 1, 2))))  # fmt: skip
    assert good.read_bytes() == bad.read_bytes()
    assert sha256_of(good) != sha256_of(bad)
    assert size_of(good) == good.stat().st_size + 36
    assert deflated_size_of(good) > 0
    data = str(pictures(tmp_path / "data"))
    right, wrong = (outputs(the_one(net, data=data), tmp_path / net.parent.name).quality.value for net in (good, bad))
    assert (right, wrong) == (1.0, pytest.approx(1 / 3))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    net = colour_net(tmp_path / "net.onnx", external=True)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelError, match=r"net\.onnx: weights\.bin, .* is missing"):
        planned(net)
    (tmp_path / "ir.xml").write_text("<net/>")
    with pytest.raises(ModelError, match=r"ir\.bin"):
        planned(tmp_path / "ir.xml")


@pytest.mark.parametrize("runtime", [RUNTIME, "openvino-cpu"])
def test_a_path_is_handed_on_as_it_was_given(tmp_path: Path, runtime: str) -> None:
    colour_net(tmp_path / "blobs" / "net.onnx", external=True)
    links = tmp_path / "snapshots"
    links.mkdir()
    for name, blob in (("net.onnx", "1111"), ("weights.bin", "2222")):
        (tmp_path / "blobs" / name).rename(tmp_path / "blobs" / blob)
        (links / name).symlink_to(f"../blobs/{blob}")
    prepared = the_one(links / "net.onnx", data=str(pictures(tmp_path / "data")), runtimes=[runtime])
    assert prepared.job("latency", tmp_path, seed=0).model == str(links / "net.onnx")
    assert outputs(prepared, tmp_path / "scratch").outcomes.values.all()


def test_models_of_one_stem_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    nets = [
        colour_net(tmp_path / name / "onnx" / "model.onnx", order)
        for name, order in (("v1", (2, 1, 0)), ("v2", (0, 1, 2)))
    ]
    found = planned(*nets)
    assert [case.model for case in found.cases] == ["v1/onnx/model.onnx", "v2/onnx/model.onnx"]
    assert [one.artifact.sha256 for one in found.prepared] == [sha256_of(net) for net in nets]


def test_a_changed_model_is_not_resumed(tmp_path: Path) -> None:
    net = colour_net(tmp_path / "net.onnx", external=True)
    folder, records = measured(tmp_path, models=[str(net)])
    again = planned(net)
    assert resumed(again, folder, folder.header())[0].cases == ()
    colour_net(net, (0, 1, 2), external=True)
    with pytest.raises(UsageError, match=f"the model file of {records[0].case_id}".replace("|", r"\|")):
        resumed(planned(net), folder, folder.header())


# Shapes and batches


def test_a_dynamic_dimension_needs_a_shape(tmp_path: Path) -> None:
    net = colour_net(tmp_path / "net.onnx", batch="batch", edge="edge")
    with pytest.raises(UsageError, match="'edge'") as refused:
        planned(net)
    assert "--shape x=1x3x224x224" in refused.value.remedy
    assert the_one(net, shapes={"x": (1, 3, 16, 16)}).case.batch == 1


WAVE: Nodes = [
    ("Unsqueeze", ["wave", "axes"], ["u"], {}),
    ("Conv", ["u", "w"], ["y"], {"pads": [1, 1]}),
]
"""A convolution over sound: each of its outputs needs the samples around it."""


def test_a_first_dimension_that_may_be_a_length_needs_a_shape(tmp_path: Path) -> None:
    weights = {"axes": np.array([0, 1]), "w": np.ones((1, 1, 3), np.float32)}
    for name in ("samples", "unk__7"):
        net = tmp_path / f"{name}.onnx"
        net.write_bytes(network(WAVE, {"wave": (FLOAT, [name])}, {"y": (FLOAT, [1, 1, name])}, weights))
        with pytest.raises(UsageError, match=f"first dimension of input 'wave' \\['{name}'\\]") as refused:
            planned(net)
        assert "--shape wave=16000" in refused.value.remedy
        assert the_one(net, shapes={"wave": (16000,)}).case.batch == 1
    row = network([("Relu", ["x"], ["y"], {})], {"x": (FLOAT, ["rows", 4])}, {"y": (FLOAT, ["rows", 4])})
    (tmp_path / "rows.onnx").write_bytes(row)
    assert the_one(tmp_path / "rows.onnx").case.batch == 1


def test_a_dimension_of_0_is_measured_as_0(tmp_path: Path) -> None:
    fixed, free = concat(tmp_path / "fixed.onnx", (1, 2, 0, 8)), concat(tmp_path / "free.onnx", ("batch", 2, "past", 8))
    assert UserModel(fixed).inspection.inputs["past"] == (1, 2, 0, 8)
    assert UserModel(fixed).inspection.outputs == {"y": (1, 2, 1, 8)}
    assert UserModel(free, {"past": (1, 2, 0, 8)}).inspection.outputs == {"y": (1, 2, 1, 8)}
    with pytest.raises(UsageError, match="does not fit"):
        planned(fixed, shapes={"past": (1, 2, 5, 8)})


def test_a_shape_holds_for_the_images_too(tmp_path: Path) -> None:
    net, data = colour_net(tmp_path / "net.onnx", batch="batch", edge="edge"), str(pictures(tmp_path / "data"))
    prepared = the_one(net, data=data, shapes={"x": (1, 3, 24, 24)})
    assert prepared.artifact.preprocess is not None
    assert prepared.artifact.preprocess.crop == 24
    assert outputs(prepared, tmp_path / "scratch").outcomes.values.all()


def test_a_shape_of_an_unknown_input_is_refused(tmp_path: Path) -> None:
    net = colour_net(tmp_path / "net.onnx")
    with pytest.raises(UnknownName, match="unknown input of --shape 'input'"):
        planned(net, shapes={"input": (1, 3, 16, 16)})


def test_the_measured_shapes_are_in_every_table(tmp_path: Path) -> None:
    net = colour_net(tmp_path / "net.onnx", batch="batch", edge="edge")
    folder, (record,) = measured(tmp_path, models=[str(net)], shapes={"x": (2, 3, 8, 8)})
    assert display_texts(record)["input_shapes"] == "x=2x3x8x8"
    console = Console(file=io.StringIO(), width=120)
    console.print(final_table([record], folder.header()))
    assert "net was measured with x=2x3x8x8" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_fixed_batch_counts_as_so_many_samples(tmp_path: Path) -> None:
    net, free = conv(tmp_path / "fixed.onnx", 4), conv(tmp_path / "free.onnx", "batch")
    folder, (record,) = measured(tmp_path, models=[str(net)])
    assert record.case_id == f"fixed|as-is|{RUNTIME}|t1|b4"
    mean_ns = float(latencies_ns(record, folder.blob).mean())
    assert record.value("throughput_per_s") == pytest.approx(4 * 1e9 / mean_ns)
    assert the_one(free).case.batch == 1
    assert the_one(free, shapes={"x": (8, 3, 4, 4)}).case.batch == 8
    assert the_one(free, batch=8).case.batch == 8


def test_macs_are_those_of_one_sample(tmp_path: Path) -> None:
    cases = [the_one(conv(tmp_path / f"{batch}.onnx", batch)) for batch in (1, 4)]
    cases.append(the_one(conv(tmp_path / "free.onnx", "batch"), shapes={"x": (4, 3, 4, 4)}))
    cases.append(the_one(conv(tmp_path / "free.onnx", "batch"), batch=4))
    probes = FidelityPass(tmp_path / "scratch")
    probes.run(cases)
    assert [probes.counts(case) for case in cases] == [Counts(24, 384)] * 4
    assert count_metrics(cases[1], probes.counts(cases[1]))["macs"] == Value(384)


def test_accuracy_fills_the_last_batch(tmp_path: Path) -> None:
    data = str(pictures(tmp_path / "data"))
    one, four = (the_one(colour_net(tmp_path / f"{n}.onnx", batch=n), data=data) for n in (1, 4))
    alone, together = outputs(one, tmp_path / "one"), outputs(four, tmp_path / "four")
    assert len(together) == 9
    assert np.allclose(alone.predictions.predicted.values, together.predictions.predicted.values)
    assert together.outcomes.values.all()


def test_batch_names_the_input_that_has_none(tmp_path: Path) -> None:
    table = tmp_path / "table.onnx"
    inputs = {"x": (FLOAT, ("batch", 10)), "table": (FLOAT, (1, 10))}
    table.write_bytes(network([("Add", ["x", "table"], ["y"], {})], inputs, {"y": (FLOAT, ("batch", 10))}))
    with pytest.raises(UsageError, match=r"input 'table' \[1, 10\] has a fixed first dimension") as refused:
        planned(table, batch=4)
    assert "--shape NAME=4x" in refused.value.remedy
    prepared = the_one(table, shapes={"x": (4, 10)})
    assert (prepared.case.batch, prepared.options.fixed_batch) == (4, True)
    with pytest.raises(UsageError, match="has a fixed batch of 4, not 1"):
        planned(conv(tmp_path / "net.onnx", 4), batch=1)


# Signatures


def two_signatures(path: Path) -> Path:
    """'double' takes 4 numbers, 'square' takes 2."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tflite_bytes.two_signatures())
    return path


def test_each_signature_is_a_case_of_its_own(tmp_path: Path) -> None:
    net = two_signatures(tmp_path / "net.tflite")
    _, records = measured(tmp_path, models=[str(net)], signatures=["all"], runtimes=["litert-xnnpack"])
    assert [record.case_id for record in records] == [
        f"net:{name}|as-is|litert-xnnpack|t1" for name in ("double", "square")
    ]
    assert [record.input_shapes for record in records] == ["x=1x4", "x=1x2"]
    assert [record.runtime_info["signature"] for record in records] == ["double", "square"]
    artifacts = [record.artifact for record in records if record.artifact]
    assert artifacts[0].sha256 == artifacts[1].sha256
    assert artifacts[0].recipe_sha256 != artifacts[1].recipe_sha256
    assert all(record.value("n_inferences") for record in records)


def test_an_unknown_signature_lists_those_there_are(tmp_path: Path) -> None:
    net = two_signatures(tmp_path / "net.tflite")
    with pytest.raises(ModelError, match="no signature 'decode': it has double, square"):
        planned(net, runtimes=["litert-xnnpack"], signatures=["square", "decode"])
    with pytest.raises(ModelError, match="no signature 'square': it has none") as raised:
        planned(colour_net(tmp_path / "net.onnx"), signatures=["square"])
    assert raised.value.remedy == "leave --signature out"
    with pytest.raises(UsageError, match="--signature needs a model"):
        RunConfig(signatures=["square"])


def test_signatures_that_are_not_measured_are_named(tmp_path: Path) -> None:
    net = two_signatures(tmp_path / "net.tflite")
    folder, (record,) = measured(tmp_path, models=[str(net)], runtimes=["litert-xnnpack"])
    assert record.case_id == "net|as-is|litert-xnnpack|t1"
    words = "signature 'double' is measured, not square"
    printed = io.StringIO()
    Console(file=printed, width=200).print(final_table([record], folder.header()))
    assert words in printed.getvalue()
    told = explain(situation(record, [record], folder.header()))
    assert [(one.evidence, one.remedy) for one in told if one.rule == "signatures"] == [
        (words, "--signature NAME, or --signature all for a case of each")
    ]


# Files to ship


def test_export_copies_the_built_files_with_their_notes(tmp_path: Path, built: Callable[..., PreparedCase]) -> None:
    good, failed = built("int8-static"), built("fp16")
    records = [
        dataclasses.replace(blank(good.case), metrics={"n_inferences": Value(5)}),
        dataclasses.replace(blank(failed.case), metrics={}),
    ]
    assert list(export_models([good, failed], records, tmp_path / "out")) == [tmp_path / "out" / "net-int8-static.onnx"]
    copy = tmp_path / "out" / "net-int8-static.onnx"
    assert copy.read_bytes() == good.artifact.path.read_bytes()
    note = json.loads((tmp_path / "out" / "net-int8-static.onnx.json").read_text())
    assert (note["sha256"], note["recipe"]["setting"]) == (sha256_of(copy), "int8-static")
    assert UserModel(copy).preprocess(None) == good.artifact.preprocess


@pytest.fixture
def built(tmp_path: Path) -> Callable[..., PreparedCase]:
    """A case of a file that was built of a net, under a setting."""
    source = the_one(colour_net(tmp_path / "net.onnx"))

    def case(setting: str) -> PreparedCase:
        path = colour_net(tmp_path / "cache" / f"net-{setting}-0123.onnx")
        recipe = {"setting": setting, "source_sha256": source.artifact.sha256}
        artifact = dataclasses.replace(
            source.artifact, path=path, sha256=sha256_of(path), recipe=recipe, preprocess=Preprocess(resize=20, crop=16)
        )
        return dataclasses.replace(
            source, case=dataclasses.replace(source.case, compression=setting), artifact=artifact
        )

    return case


def blank(case: Case) -> Record:
    """A record of a case, without figures."""
    from harness.core.verdict import Verdict

    return Record("run", case.id, case, "board", Verdict("precise"), {}, "2026-01-01T00:00:00Z", 1.0)


def test_a_model_of_2_gib_is_not_compressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for reads in ("suites.user_model.sha256_of", "suites.post_training.compressed.sha256_of"):
        monkeypatch.setattr(reads, lambda _: pytest.fail("the file is read"))
    rows = graph.LARGEST_BYTES // 16
    net = tmp_path / "huge.onnx"
    net.write_bytes(
        network(
            [("Add", ["x", "w"], ["y"], {})],
            {"x": (FLOAT, (1, 4))},
            {"y": (FLOAT, (rows, 4))},
            {"w": External("weights.bin", (rows, 4))},
        )
    )
    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate(graph.LARGEST_BYTES)
    with pytest.raises(ModelError, match=r"has 2\.15 GB: --compress"):
        CompressedModel(UserModel(net), chosen("all"))
