"""From a configuration to what will run: cases, artifacts, options, limits, references, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from harness.core.artifact import sha256_of
from harness.core.case import Case
from harness.core.errors import DataError, ModelError, SetupError, UnknownName, UsageError
from harness.core.hostfs import HostFs
from harness.datasets.label_mapping import LabelChoice
from harness.datasets.manifest import Manifest
from harness.measure.prepared import PreparedCase
from harness.runs.config import RunConfig
from harness.runs.plan import Plan, plan
from harness.runs.session import RunSession
from suites.artifacts import catalog
from tests import onnx_bytes
from tests.fakes.worker import FakeWorkers, inspected

NET = "mobilenet_v2-0.35-32"
ON_ONNX = f"{NET}|fp32|onnxruntime-cpu"


def relu(path: Path, operator: str = "Relu") -> Path:
    """A net of one operator with images of 8 x 8 px in and as many numbers out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (1, 3, 8, 8)
    path.write_bytes(onnx_bytes.model(operator, {"x": (onnx_bytes.FLOAT, shape)}, (onnx_bytes.FLOAT, shape)))
    return path


def planned(**changes: Any) -> Plan:
    return plan(RunConfig(**changes))


def the_one(**changes: Any) -> PreparedCase:
    """The only case of a plan, ready to run."""
    plan = planned(**changes)
    assert plan.refused == {}
    (prepared,) = plan.prepared
    return prepared


# Which cases


def test_nothing_named_is_the_quick_suite() -> None:
    assert planned().cases == planned(suite="quick").cases
    assert planned().suite == "quick"


def test_models_alone_are_measured_without_a_suite_and_with_one_beside_it(tmp_path: Path) -> None:
    model = str(relu(tmp_path / "net.onnx"))
    alone = planned(models=[model], runtimes=["onnxruntime-cpu"])
    assert [case.id for case in alone.cases] == ["net|as-is|onnxruntime-cpu|t1"]
    assert alone.suite == "own"
    both = planned(models=[model], suite="quick", runtimes=["onnxruntime-cpu"])
    assert len(both.cases) == len(planned(runtimes=["onnxruntime-cpu"]).cases) + 1
    assert both.suite == "quick"


def test_every_text_to_keep_must_be_in_a_case() -> None:
    cases = planned(filters=[NET, "int8"]).cases
    assert len(cases) == 4
    assert all(NET in case.id and "int8" in case.id for case in cases)


def test_what_leaves_no_case_says_what_none_has_and_how_one_is_called() -> None:
    with pytest.raises(UsageError, match="no case is left") as error:
        _ = planned(filters=["resnet900"], runtimes=["mnn", "ncnn"]).cases
    assert "'resnet900' and runtime mnn or ncnn" in error.value.message
    assert NET in error.value.remedy


def test_threads_of_the_command_replace_the_suites() -> None:
    assert {case.threads for case in planned(threads=3).cases} == {3}


def test_an_unknown_suite_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="quack"):
        _ = planned(suite="quack").cases


# Which file


def test_a_shipped_case_gets_its_own_file_in_the_format_that_its_runtime_prefers() -> None:
    prepared = the_one(filters=[ON_ONNX])
    assert prepared.artifact.format == "onnx"
    assert prepared.artifact == catalog.artifact(prepared.case, "onnx")
    assert the_one(filters=[f"{NET}|fp32|litert"]).artifact.format == "tflite"


def test_a_replacement_takes_the_place_of_the_cases_file_and_keeps_its_preprocessing(tmp_path: Path) -> None:
    other = relu(tmp_path / "other.onnx")
    (case,) = planned(filters=[ON_ONNX]).cases
    prepared = the_one(filters=[ON_ONNX], replacements={case.id: other})
    assert prepared.artifact.sha256 == sha256_of(other)
    assert prepared.artifact.preprocess == catalog.artifact(case, "onnx").preprocess
    assert prepared.labelled is not None


def test_a_replacement_takes_the_place_of_a_users_model_too(tmp_path: Path) -> None:
    first, other = relu(tmp_path / "net.onnx"), relu(tmp_path / "other.onnx", "Abs")
    case_id = "net|as-is|onnxruntime-cpu|t1"
    prepared = the_one(models=[str(first)], runtimes=["onnxruntime-cpu"], replacements={case_id: other})
    assert prepared.case.id == case_id
    assert prepared.artifact.sha256 == sha256_of(other)


def test_a_replacement_of_a_case_that_is_not_measured_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"unknown case 'net\|none'"):
        planned(filters=[ON_ONNX], replacements={"net|none": relu(tmp_path / "other.onnx")})


# What is refused


def test_a_runtime_that_is_not_installed_is_refused_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.runtimes.base.installed", lambda name: name == "onnxruntime")
    plan = planned(filters=[f"{NET}|fp32"])
    (refused,) = plan.refused
    assert refused.runtime == "litert-xnnpack"
    assert "is not installed" in plan.refused[refused].reason
    assert "pip install" in plan.refused[refused].remedy
    assert [one.case.runtime for one in plan.prepared] == ["onnxruntime-cpu"]


def test_an_unknown_runtime_is_an_error_of_the_request() -> None:
    with pytest.raises(UsageError, match="onnxruntime-cpuu"):
        planned(runtimes=["onnxruntime-cpuu"])
    with pytest.raises(UnknownName, match="unknown runtime 'mnm'"):
        planned(filters=[ON_ONNX], runtime_options={"mnm": {"a": "b"}})


def test_a_model_that_cannot_be_used_is_refused_beside_others_and_an_error_alone(tmp_path: Path) -> None:
    good, gone = str(relu(tmp_path / "good.onnx")), str(tmp_path / "gone.onnx")
    plan = planned(models=[good, gone], runtimes=["onnxruntime-cpu"])
    assert [one.case.model for one in plan.prepared] == ["good"]
    ((case, verdict),) = plan.refused.items()
    assert case.model == "gone"
    assert verdict.status == "unsupported"
    assert "no such model file" in verdict.reason
    assert plan.cases == (plan.prepared[0].case, case)
    with pytest.raises(ModelError, match="no such model file"):
        planned(models=[gone])
    assert gone in planned(models=[gone], suite="quick", filters=["gone"]).refused.popitem()[1].reason  # type: ignore[attr-defined]


def test_runtimes_that_do_not_take_a_models_format_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none of the runtimes asked for takes \.onnx: litert-xnnpack"):
        planned(models=[str(relu(tmp_path / "net.onnx"))], runtimes=["litert-xnnpack"])
    (tmp_path / "renamed.onnx").write_bytes(b"\0\0\0\0ORTM")
    with pytest.raises(ModelError, match=r"takes \.ort: openvino-cpu"):
        planned(models=[str(tmp_path / "renamed.onnx")], runtimes=["openvino-cpu"])
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved/saved_model.pb").write_bytes(b"model")
    with pytest.raises(ModelError, match="takes a TensorFlow SavedModel folder: openvino-cpu"):
        planned(models=[str(tmp_path / "saved")], runtimes=["openvino-cpu"])


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"data": "photos"}, "--data"),
        ({"reference": "float.onnx"}, "--reference"),
        ({"compress": "all"}, "--compress"),
        ({"preprocess": "imagenet"}, "--preprocess"),
        ({"output": "logits"}, "--output"),
        ({"labels": LabelChoice(offset=0)}, "--label-offset"),
        ({"labels": LabelChoice(order="number")}, "--label-order"),
        ({"inputs": "x.npz"}, "--inputs"),
        ({"shapes": {"x": (1, 3)}}, "--shape"),
        ({"signatures": ["all"]}, "--signature"),
    ],
)
@pytest.mark.parametrize("suite", [None, "quick", "team.toml"])
def test_an_option_of_own_models_needs_one(given: dict[str, Any], option: str, suite: str | None) -> None:
    with pytest.raises(UsageError) as raised:
        RunConfig(suite=suite, **given)
    assert raised.value.message == f"{option} needs a model of your own"
    assert "edgebench run my.onnx" in raised.value.remedy


def test_all_such_options_are_named_at_once() -> None:
    with pytest.raises(UsageError, match=r"^--data and --preprocess need a model of your own"):
        RunConfig(suite="quick", data="photos", preprocess="imagenet")


def test_a_shape_may_belong_to_a_replaced_file() -> None:
    RunConfig(suite="quick", shapes={"x": (1, 3)}, replacements={"case": Path("other.onnx")})


def test_an_option_of_a_runtime_that_no_case_runs_on_is_refused() -> None:
    with pytest.raises(UsageError, match="--runtime-option openvino-cpu: no case runs on it"):
        planned(suite="quick", runtime_options={"openvino-cpu": {"NUM_STREAMS": "2"}})


def test_damaged_installation_stops_the_whole_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> None:
        raise SetupError("the shipped file has another hash")

    monkeypatch.setattr(catalog, "artifact", damaged)
    with pytest.raises(SetupError, match="another hash"):
        planned(filters=[ON_ONNX])


# Two files of one name


def test_two_models_of_one_name_are_two_cases(tmp_path: Path) -> None:
    first, second = relu(tmp_path / "a" / "net.onnx"), relu(tmp_path / "b" / "net.onnx", "Abs")
    plan = planned(models=[str(first), str(second)], runtimes=["onnxruntime-cpu"])
    assert {one.artifact.sha256 for one in plan.prepared} == {sha256_of(first), sha256_of(second)}
    assert [case.model for case in plan.cases] == ["a/net.onnx", "b/net.onnx"]


def test_two_formats_of_one_net_keep_its_name_where_their_runtimes_differ(tmp_path: Path) -> None:
    onnx = relu(tmp_path / "net.onnx")
    (tmp_path / "net.tflite").write_bytes(catalog.artifact(Case(NET, "fp32", "x"), "tflite").path.read_bytes())
    plan = planned(models=[str(onnx), str(onnx.with_suffix(".tflite"))], runtimes=["onnxruntime-cpu", "litert-xnnpack"])
    assert {case.model for case in plan.cases} == {"net"}


def test_one_model_given_twice_is_measured_once(tmp_path: Path) -> None:
    model = str(relu(tmp_path / "net.onnx"))
    assert the_one(models=[model, model], runtimes=["onnxruntime-cpu"]).case.model == "net"


def test_models_of_one_name_that_cannot_be_used_are_each_refused(tmp_path: Path) -> None:
    gone = [str(tmp_path / folder / "net.onnx") for folder in "ab"]
    assert [case.model for case in planned(models=gone).refused] == ["a/net.onnx", "b/net.onnx"]


def test_a_model_called_as_one_of_the_suite_is_not_mistaken_for_it(tmp_path: Path) -> None:
    model = str(relu(tmp_path / f"{NET}.onnx"))
    with pytest.raises(UsageError, match=r"two cases are called mobilenet_v2-0.35-32\|fp32"):
        _ = planned(suite="quick", models=[model], compress="fp32", runtimes=["onnxruntime-cpu"]).cases


# Options, limits, order


def test_the_commands_options_go_over_the_boards(tmp_path: Path) -> None:
    board = tmp_path / "boards"
    board.mkdir()
    (board / "bench-board.toml").write_text(
        'title = "Bench board"\nkind = "board"\n[limits]\ntimeout_s = 77.0\n'
        '[runtimes.onnxruntime-cpu]\noptions = { a = "board", b = "board" }\n'
    )
    how: dict[str, Any] = {"filters": [ON_ONNX], "descriptors": [board], "target_name": "bench-board"}
    plain = the_one(**how)
    assert plain.options.settings == {"a": "board", "b": "board"}
    assert plain.timeout_s == 77.0
    told = the_one(**how, runtime_options={"onnxruntime-cpu": {"b": "user", "c": "user"}}, timeout_s=5.0)
    assert told.options.settings == {"a": "board", "b": "user", "c": "user"}
    assert told.timeout_s == 5.0


def test_a_memory_limit_below_what_is_free_is_kept_and_one_above_is_not() -> None:
    assert the_one(filters=[ON_ONNX], memory_bytes=64 << 20).memory_bytes == 64 << 20
    limited = the_one(filters=[ON_ONNX], memory_bytes=1 << 60).memory_bytes
    assert limited is not None
    assert limited < 1 << 60


def test_a_case_is_pinned_to_as_many_cpus_as_it_has_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert [len(the_one(filters=[ON_ONNX], threads=n).cpus) for n in (1, 2, 8)] == [1, 2, 4]


def test_the_suite_decides_what_the_command_leaves_open() -> None:
    assert planned(filters=[ON_ONNX]).profile.name == "quick"
    assert planned(profile="full", deep=False).profile.deep is False
    assert planned(out="somewhere").out == Path("somewhere")
    assert planned().out.parent == Path("runs")
    with pytest.raises(UnknownName, match="unknown profile 'huge'"):
        planned(profile="huge")


def test_a_recorded_board_never_passes_for_the_board(tmp_path: Path) -> None:
    config = RunConfig(fs=HostFs(tmp_path), target_name="raspberry-pi-5", out=str(tmp_path / "run"))
    empty = plan(config, [])
    with RunSession(config, empty) as session:
        assert session.header.target == "raspberry-pi-5 (recorded)"


def test_two_runs_of_one_second_have_two_folders_unless_one_is_named(tmp_path: Path) -> None:
    config = RunConfig(fs=HostFs(tmp_path), target_name="raspberry-pi-5")
    same = dataclasses.replace(plan(config, []), out=tmp_path / "2026-01-01T000000-quick")
    folders = []
    for _ in range(2):
        with RunSession(config, same) as session:
            folders.append(session.folder.path)
    assert folders == [same.out, tmp_path / "2026-01-01T000000-quick-2"]
    named = RunSession(dataclasses.replace(config, out=str(same.out)), same)
    with pytest.raises(UsageError, match="already holds a run"), named:
        pass


# References


def test_the_fp32_net_of_the_same_runtime_is_the_reference_and_one_on_onnxruntime_the_output_reference() -> None:
    plan = planned(filters=[f"{NET}|int8-static|litert"])
    (prepared,) = plan.prepared
    reference = plan.references[prepared.case]
    assert reference.case == dataclasses.replace(prepared.case, compression="fp32")
    assert prepared.output_reference is not None
    assert (prepared.output_reference.case.runtime, prepared.output_reference.case.compression) == (
        "onnxruntime-cpu",
        "fp32",
    )
    assert plan.cases == (prepared.case,)


def test_the_output_reference_runs_plainly_whatever_the_case_does() -> None:
    prepared = the_one(filters=[ON_ONNX], threads=2, batch=4, scenario="Offline")
    assert prepared.output_reference is not None
    case = prepared.output_reference.case
    assert (case.threads, case.batch, case.scenario, case.driver) == (1, 1, "SingleStream", "own")


def test_a_users_file_is_compared_with_itself_on_the_first_reference_runtime_that_takes_it(tmp_path: Path) -> None:
    prepared = the_one(models=[str(relu(tmp_path / "net.onnx"))], runtimes=["onnxruntime-cpu"])
    assert prepared.output_reference is not None
    assert prepared.output_reference.artifact == prepared.artifact
    assert planned(models=[str(relu(tmp_path / "net.onnx"))], runtimes=["onnxruntime-cpu"]).references == {}


def test_without_a_reference_runtime_there_is_no_output_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.runs.preparation.OUTPUT_REFERENCES", ())
    assert the_one(filters=[ON_ONNX]).output_reference is None


def test_synthetic_weights_have_no_labels_and_no_reference() -> None:
    plan = planned(filters=["mobilenet_v2-1.0-224|int8-static|onnxruntime"])
    (prepared,) = plan.prepared
    assert (prepared.labelled, prepared.unlabelled) == (None, "not available: synthetic weights")
    assert plan.references == {}


# Data


def test_images_limit_what_is_scored() -> None:
    labelled = the_one(filters=[ON_ONNX], images=17).labelled
    assert labelled is not None
    assert labelled.limit == 17


def test_a_data_set_that_is_not_here_is_a_reason_that_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    there = catalog.datasets()
    gone = {name: dataclasses.replace(each, path=Path("/nowhere")) for name, each in there.items()}
    monkeypatch.setattr(catalog, "datasets", lambda: gone)
    prepared = the_one(filters=[ON_ONNX])
    assert prepared.labelled is None
    assert prepared.unlabelled == "fashion-mnist is not on this machine: edgebench data fetch fashion-mnist"


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two classes of three pictures; what looks into a model sees images in and two numbers out."""
    from PIL import Image

    for number in range(6):
        path = tmp_path / "pictures" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (40 * number, 0, 0)).save(path)
    seen = inspected({"x": [1, 3, 8, 8]}, {"y": [1, 2]})
    monkeypatch.setattr("suites.inspection.run_worker", FakeWorkers({"inspect": lambda _: seen}))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "pictures"


def test_the_users_images_label_the_users_model_alone(tmp_path: Path, pictures: Path) -> None:
    plan = planned(
        models=[str(relu(tmp_path / "net.onnx"))],
        data=str(pictures),
        images=4,
        suite="quick",
        runtimes=["onnxruntime-cpu"],
        filters=["|onnxruntime-cpu|t1"],
    )
    labelled = {one.case.model: one.labelled for one in plan.prepared}
    own = labelled["net"]
    assert own is not None
    assert (own.kind, own.limit, own.preprocess.crop) == ("manifest", 4, 8)
    assert [path.parent for path, _ in Manifest.read(Path(own.path)).files] == [pictures / "a", pictures / "b"] * 2
    shipped = labelled[NET]
    assert shipped is not None
    assert "fashion-mnist" in shipped.path


def test_compression_calibrates_with_some_images_and_scores_on_the_others(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    result = planned(
        models=[str(relu(tmp_path / "net.onnx"))], data=str(pictures), compress="fp16", runtimes=["onnxruntime-cpu"]
    )
    assert {one.labelled.kind for one in result.prepared if one.labelled} == {"manifest"}
    assert [case.compression for case in result.cases] == ["fp32", "fp16"]


def test_images_of_other_classes_than_the_models_are_an_error(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = inspected({"x": [1, 3, 8, 8]}, {"y": [1, 7]})
    monkeypatch.setattr("suites.inspection.run_worker", FakeWorkers({"inspect": lambda _: seen}))
    with pytest.raises(DataError, match="the model has 7 outputs, the data set 2 classes"):
        planned(models=[str(relu(tmp_path / "net.onnx"))], data=str(pictures))


# Going on with a part


def test_a_plan_of_some_cases_keeps_their_references_and_refusals() -> None:
    plan = planned(filters=[NET, "litert"])
    some: tuple[Case, ...] = plan.cases[1:3]
    left = plan.only(some)
    assert left.cases == some
    assert tuple(one.case for one in left.prepared) == some
    assert all(case in left.references for case in some)
