"""The promises of docs/user-models.md about inputs and what the time depends on, on small models that really run."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from harness.core.case import Case
from harness.core.errors import UnknownName, UsageError
from harness.core.execution import Execution
from harness.core.quantity import Value
from harness.core.record import Record
from harness.core.verdict import Finding, Verdict
from harness.diagnosis import Situation, explain
from harness.measure.dependence import growth_per_inference
from harness.measure.passes import denormals as denormals_pass
from harness.measure.passes.worker_process import Answer, run_worker
from harness.measure.prepared import PreparedCase
from harness.measure.protocol import Job
from harness.measure.worker.inputs import load_inputs, probe_inputs
from harness.measure.worker.setup import adapter
from harness.runs.config import RunConfig
from harness.runs.plan import Plan, plan
from harness.runs.resuming import resumed
from harness.runs.session import RunSession
from harness.stats.by_input import input_spread
from harness.store.comparison import compare_runs
from harness.store.database.rows import config_row
from harness.store.runfolder import RunFolder
from reports.build import build
from reports.terminal.table import final_table
from tests.onnx_bytes import FLOAT, network
from tests.onnx_models import branches, loops, sentences
from tests.protocol.test_user_models import colour_net, pictures

RUNTIME = "onnxruntime-cpu"


def saved(path: Path, **arrays: Any) -> str:
    np.savez(path, **arrays)
    return str(path)


def doubling(path: Path, **shapes: tuple[int | str, ...]) -> Path:
    """A model that adds its inputs; that of one is doubled."""
    names = list(shapes) * (2 if len(shapes) == 1 else 1)
    inputs = {name: (FLOAT, shape) for name, shape in shapes.items()}
    path.write_bytes(network([("Add", names, ["y"], {})], inputs, {"y": (FLOAT, next(iter(shapes.values())))}))
    return path


def planned(model: Path, inputs: str | None = None, **changes: Any) -> Plan:
    return plan(RunConfig(models=[str(model)], inputs=inputs, **{"runtimes": [RUNTIME], **changes}))


def taken(model: Path, inputs: str | None = None, **changes: Any) -> list[Mapping[str, Any]]:
    """The inputs of the timed loop."""
    (prepared,) = planned(model, inputs, **changes).prepared
    return list(load_inputs(*_session(prepared, "latency")))


def _session(prepared: PreparedCase, phase: Any) -> tuple[Any, Job]:
    job = prepared.job(phase, Path("out"), seed=0)
    return adapter(job).open(Path(job.model), job.options), job


def measured(out: Path, model: Path, inputs: str | None = None, **changes: Any) -> RunFolder:
    settings = {"runtimes": [RUNTIME], "profile": "smoke", **changes}
    config = RunConfig(models=[str(model)], inputs=inputs, out=str(out), **settings)
    with RunSession(config, plan(config)) as session:
        for _ in session.run():
            pass
    return session.folder


# Inputs


def test_inputs_are_given_by_name(tmp_path: Path) -> None:
    net = doubling(tmp_path / "net.onnx", left=(1, 2), right=(1, 2))
    (batch,) = taken(net, saved(tmp_path / "in.npz", right=np.float32([[3, 4]]), left=np.float32([[1, 2]])))
    assert {name: array.tolist() for name, array in batch.items()} == {"left": [[1, 2]], "right": [[3, 4]]}
    np.save(tmp_path / "in.npy", np.float32([[5, 6]]))
    (batch,) = taken(doubling(tmp_path / "one.onnx", x=(1, 2)), str(tmp_path / "in.npy"))
    assert batch["x"].tolist() == [[5, 6]]


def rows(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def test_an_array_of_the_inputs_shape_is_one_inference(tmp_path: Path) -> None:
    net = doubling(tmp_path / "net.onnx", x=(2, 3))
    (batch,) = taken(net, saved(tmp_path / "in.npz", x=rows(2, 3)))
    assert np.array_equal(batch["x"], rows(2, 3))


def test_a_longer_array_is_cut_into_batches(tmp_path: Path) -> None:
    fixed, free = doubling(tmp_path / "fixed.onnx", x=(2, 3)), doubling(tmp_path / "free.onnx", x=("batch", 3))
    five = saved(tmp_path / "in.npz", x=rows(5, 3))
    cut = [[0, 3], [6, 9], [12, 12]]
    assert [batch["x"][:, 0].tolist() for batch in taken(fixed, five)] == cut
    assert [batch["x"][:, 0].tolist() for batch in taken(free, five, batch=2)] == cut
    assert [batch["x"][:, 0].tolist() for batch in taken(free, five)] == [[0], [3], [6], [9], [12]]


def test_another_first_dimension_counts_inferences(tmp_path: Path) -> None:
    net = doubling(tmp_path / "net.onnx", x=(2, 3))
    batches = taken(net, saved(tmp_path / "in.npz", x=rows(4, 2, 3)))
    assert np.array_equal(np.stack([batch["x"] for batch in batches]), rows(4, 2, 3))


def test_given_inputs_rotate(tmp_path: Path) -> None:
    net = doubling(tmp_path / "net.onnx", x=(1, 3))
    assert len(taken(net, saved(tmp_path / "few.npz", x=rows(3, 3)))) == 3
    assert len(taken(net, saved(tmp_path / "many.npz", x=rows(100, 3)))) == 64
    record = measured(tmp_path / "run", net, saved(tmp_path / "few.npz", x=rows(3, 3))).records()[0]
    assert record.details["inputs"][0]["measured"] == [1, 3]


def test_a_single_array_is_the_same_in_all_inferences(tmp_path: Path) -> None:
    net = doubling(tmp_path / "net.onnx", x=(1, 3), mask=(1, 3))
    batches = taken(net, saved(tmp_path / "in.npz", x=rows(4, 3), mask=np.ones((1, 3), np.float32)))
    assert [batch["x"][0, 0] for batch in batches] == [0, 3, 6, 9]
    assert all(batch["mask"].tolist() == [[1, 1, 1]] for batch in batches)


def test_given_inputs_feed_probes_and_profiles(tmp_path: Path) -> None:
    net, file = loops(tmp_path / "net.onnx"), saved(tmp_path / "in.npz", x=np.ones(4, np.float32), steps=[3, 5])
    (prepared,) = planned(net, file).prepared
    session, job = _session(prepared, "probe")
    assert [(int(batch["steps"]), count) for batch, count in probe_inputs(session, job)] == [(3, 1), (5, 1)]
    folder = measured(tmp_path / "run", net, file, runtimes=[RUNTIME, "openvino-cpu"], deep=True)
    records = {record.case.runtime: record for record in folder.records()}
    (compared,) = records["openvino-cpu"].details["fidelity"]["outputs"]
    assert (compared["n"], compared["peak"], compared["max_abs"]) == (2, 2**5, 0)
    operators = records[RUNTIME].operators
    assert sum(each.calls for each in operators.operators if each.type == "Add") == 3  # type: ignore[union-attr]


def test_names_and_shapes_are_checked_before_measuring(tmp_path: Path) -> None:
    net = doubling(tmp_path / "net.onnx", x=(1, 3), z=(1, 3))
    one = np.ones((1, 3), np.float32)
    with pytest.raises(UsageError, match="no array for input 'z'; it holds x"):
        planned(net, saved(tmp_path / "in.npz", x=one))
    with pytest.raises(UnknownName, match="'more'") as raised:
        planned(net, saved(tmp_path / "in.npz", x=one, z=one, more=one))
    assert "known: x, z" in raised.value.remedy
    with pytest.raises(UsageError, match=r"the array for input 'z' \[1, 3\] is \[1, 4\]"):
        planned(net, saved(tmp_path / "in.npz", x=one, z=np.ones((1, 4), np.float32)))
    with pytest.raises(UsageError, match="no such file of inputs"):
        planned(net, str(tmp_path / "absent.npz"))
    with pytest.raises(UsageError, match="--inputs needs a model"):
        RunConfig(inputs="in.npz")


def test_a_cast_that_loses_a_value_is_refused(tmp_path: Path) -> None:
    net, x = loops(tmp_path / "net.onnx"), np.full(4, 0.1)
    with pytest.raises(UsageError, match=r"input 'steps' takes int64, its array is float64 and holds 2\.5"):
        planned(net, saved(tmp_path / "in.npz", x=x, steps=2.5))
    (batch,) = taken(net, saved(tmp_path / "in.npz", x=x, steps=2.0))
    assert batch["x"].tolist() == [np.float32(0.1)] * 4
    assert batch["steps"] == 2


def test_pickles_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pickles are not read"):
        planned(loops(tmp_path / "net.onnx"), saved(tmp_path / "in.npz", x=np.array([{}]), steps=1))


def test_dynamic_dimensions_take_their_size_from_the_arrays(tmp_path: Path) -> None:
    ids = np.ones((5, 7), np.int64)
    net, file = sentences(tmp_path / "net.onnx"), saved(tmp_path / "in.npz", input_ids=ids, attention_mask=ids)
    assert [batch["input_ids"].shape for batch in taken(net, file)] == [(1, 7)] * 5
    assert [batch["input_ids"].shape for batch in taken(net, file, batch=5)] == [(5, 7)]
    wave = doubling(tmp_path / "wave.onnx", wave=("samples",))
    assert [batch["wave"].shape for batch in taken(wave, saved(tmp_path / "wave.npz", wave=rows(800)))] == [(800,)]
    record = measured(tmp_path / "run", net, file).records()[0]
    assert record.input_shapes == "input_ids=1x7, attention_mask=1x7"


def test_a_batch_needs_as_many_samples(tmp_path: Path) -> None:
    net = doubling(tmp_path / "net.onnx", x=("batch", 3))
    with pytest.raises(UsageError, match=r"array for input 'x' is \[3, 3\], an inference takes \[4, 3\]"):
        planned(net, saved(tmp_path / "in.npz", x=rows(3, 3)), batch=4)


def test_arrays_come_before_images(tmp_path: Path) -> None:
    net = colour_net(tmp_path / "net.onnx")
    file = saved(tmp_path / "in.npz", x=np.zeros((2, 3, 16, 16), np.float32))
    folder = measured(tmp_path / "run", net, file, data=str(pictures(tmp_path / "data")), runtimes=[RUNTIME])
    assert folder.records()[0].value("top1") == 1.0
    (prepared,) = planned(net, file, data=str(tmp_path / "data")).prepared
    for phase in ("latency", "probe"):
        session, job = _session(prepared, phase)
        job = dataclasses.replace(job, feeds="images.npy")
        batches = load_inputs(session, job) if phase == "latency" else [one for one, _ in probe_inputs(session, job)]
        assert [float(batch["x"].max()) for batch in batches] == [0.0, 0.0]


def test_inputs_are_in_the_provenance(tmp_path: Path) -> None:
    net = loops(tmp_path / "net.onnx")
    few, many = (saved(tmp_path / f"{n}.npz", x=np.ones(4, np.float32), steps=n) for n in (3, 50))
    folder = measured(tmp_path / "run", net, few)
    found = folder.header().provenance["inputs"]
    assert found["file"] == "3.npz"
    assert folder.records()[0].case.inputs == found["sha256"][:12]
    other = RunConfig(models=[str(net)], inputs=many, runtimes=[RUNTIME], profile="smoke", out=str(tmp_path / "other"))
    with RunSession(other, plan(other)) as session, pytest.raises(UsageError, match="its inputs differs"):
        resumed(plan(other), folder, session.header)


def test_runs_with_other_inputs_are_not_compared(tmp_path: Path) -> None:
    net = loops(tmp_path / "net.onnx")
    few, many = (saved(tmp_path / f"{n}.npz", x=np.ones(4, np.float32), steps=n) for n in (3, 50))
    runs = [measured(tmp_path / f"run{place}", net, file) for place, file in enumerate((few, few, many))]
    assert compare_runs(runs[0], runs[1]).unlike.tolist() == [""]
    with pytest.raises(UsageError, match="inputs"):
        compare_runs(runs[0], runs[2])
    assert "inputs (--inputs)" in compare_runs(runs[0], runs[2], force=True).unlike.iloc[0]
    cases = [run.records()[0].case for run in runs]
    keys = [config_row(case)["key"] for case in cases]
    assert keys[0] == keys[1] != keys[2]
    plain = dataclasses.replace(cases[0], inputs="")
    assert config_row(plain)["key"] not in keys


def test_synthetic_integers_are_valid(tmp_path: Path) -> None:
    shown: list[str] = []
    net = sentences(tmp_path / "net.onnx", vocabulary=4)
    shapes = {"input_ids": (1, 6), "attention_mask": (1, 6)}
    found = plan(RunConfig(models=[str(net)], shapes=shapes, runtimes=[RUNTIME]), notify=shown.append)
    batches = load_inputs(*_session(found.prepared[0], "latency"))
    assert set(np.concatenate([batch["input_ids"].ravel() for batch in batches])) == {1, 2, 3}
    assert all((batch["attention_mask"] == 1).all() for batch in batches)
    assert "input_ids 1x6 (ids 1 to 3), attention_mask 1x6 (ones); real ones: --inputs FILE" in shown[0]


def test_a_value_that_decides_the_time_is_asked_for(tmp_path: Path) -> None:
    net = loops(tmp_path / "net.onnx")
    with pytest.raises(UsageError, match=r"input 'steps' \[\] takes int64: the time may depend on its value") as raised:
        planned(net)
    assert "--inputs FILE.npz, made by np.savez('FILE.npz', steps=np.int64(10), ...)" in raised.value.remedy
    assert planned(net, saved(tmp_path / "in.npz", x=np.ones(4, np.float32), steps=10)).prepared


# What the time depends on


def told(*findings: Finding) -> Record:
    case = Case("net", "as-is", RUNTIME, weights="user")
    metrics = {"latency_p50_ns": Value(2e6, 1.9e6, 2.1e6, 60), "n_inferences": Value(60)}
    return Record(
        "run", case.id, case, "board", Verdict("precise"), metrics, "2026-01-01", 1.0,
        execution=Execution(findings=findings),
    )  # fmt: skip


def test_findings_about_time_are_shown(tmp_path: Path) -> None:
    findings = [Finding(name, "warn", f"found {name}", f"mend {name}")
                for name in ("input_dependence", "memory_growth", "denormals")]  # fmt: skip
    folder = measured(tmp_path / "run", doubling(tmp_path / "net.onnx", x=(1, 3)))
    record = dataclasses.replace(told(*findings), run_id=folder.header().run_id)
    console = Console(width=300, file=io.StringIO())
    with console.capture() as text:
        console.print(final_table([record], folder.header()))
    folder.append(record)
    page = build([folder], tmp_path / "report.html").read_text(encoding="utf-8")
    explained = {each.evidence: each.remedy for each in explain(Situation(record))}
    for finding in findings:
        assert finding.found in text.get()
        assert finding.remedy in text.get()
        assert finding.found in page
        assert explained[finding.found] == finding.remedy


def test_time_that_depends_on_the_input_is_found(tmp_path: Path) -> None:
    """A branch of two thousand products against none is a difference that no other load hides."""
    net = branches(tmp_path / "net.onnx", deep=2000)
    calm, mixed = np.full((4, 4, 32), 0.1, np.float32), np.full((4, 4, 32), 0.1, np.float32)
    mixed[2] = 0.9
    records = [
        measured(tmp_path / name, net, saved(tmp_path / f"{name}.npz", x=x), profile="quick").records()[0]
        for name, x in (("mixed", mixed), ("calm", calm))
    ]
    found, none = ([finding.check for finding in record.time_findings] for record in records)
    assert "input_dependence" in found
    by_input = records[0].details["by_input"]
    assert by_input["n_inputs"] == 4
    assert by_input["slowest_ns"] > 10 * by_input["fastest_ns"]
    assert "input_dependence" not in none


def test_calm_data_raise_no_alarm() -> None:
    """Autocorrelated latencies with outliers; the statistics' own tests have drift and bursts too."""
    alarms = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        noise = rng.normal(scale=0.02, size=(3, 300))
        noise = np.stack([np.convolve(one, 0.9 ** np.arange(60))[:300] for one in noise])
        noise += (rng.random((3, 300)) < 0.03) * rng.exponential(1.0, (3, 300))
        found = input_spread([2e6 * np.exp(one) for one in noise], 8)
        assert found is not None
        alarms += found.depends
    assert alarms <= 1


def test_memory_that_grows_is_found(tmp_path: Path) -> None:
    mib = 1 << 20
    grown = [(n, 50 * mib + n * mib // 2) for n in (0, 8, 16, 20)]
    assert growth_per_inference(grown) == mib / 2
    assert growth_per_inference([(n, 50 * mib + n * 1024) for n in (0, 8, 16, 20)]) is None
    run = measured(tmp_path / "run", doubling(tmp_path / "net.onnx", x=(1, 3))).records()[0].processes[0]
    assert run.resident_bytes[0][0] == 0
    assert run.resident_bytes[-1][0] == run.inferences
    assert all(held > mib for _, held in run.resident_bytes)


def test_an_allocators_warm_up_is_no_growth() -> None:
    mib = 1 << 20
    assert growth_per_inference([(0, 50 * mib), (8, 90 * mib), (16, 90 * mib), (20, 90 * mib)]) is None


def test_what_denormal_numbers_cost_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real processes find the numbers and set the option; times are made up, since not every processor is slow."""
    weights = np.full((4, 4, 1, 1), 1e-39, np.float32)
    shapes = {"x": (FLOAT, (1, 4, 2, 2))}, {"y": (FLOAT, (1, 4, 2, 2))}
    net = tmp_path / "net.onnx"
    net.write_bytes(network([("Conv", ["x", "w"], ["y"], {})], *shapes, {"w": weights}))
    (prepared,) = planned(net).prepared
    tiny: list[str] = []

    def slow_unless_flushed(slowness: float) -> Callable[..., Any]:
        def run(job: Job, timeout_s: float) -> Any:
            answer = run_worker(job, timeout_s)
            assert isinstance(answer, Answer)
            tiny.append(answer.result["tiny"])
            flushed = job.options.settings.get("session.set_denormal_as_zero") == "1"
            median = {"median_ns": 1e6 * (1 if flushed else slowness)}
            return dataclasses.replace(answer, result={**answer.result, **median})

        return run

    monkeypatch.setattr(denormals_pass, "run_worker", slow_unless_flushed(80))
    finding = denormals_pass.denormals_finding(prepared, tmp_path / "a")
    assert finding is not None
    assert "takes 1 ms instead of 80 ms" in finding.found
    assert "session.set_denormal_as_zero" in finding.remedy
    assert tiny == ["16 of its weights are below 1.1e-19, its outputs hold denormal numbers", "", "", tiny[0]]
    monkeypatch.setattr(denormals_pass, "run_worker", slow_unless_flushed(1.2))
    assert denormals_pass.denormals_finding(prepared, tmp_path / "b") is None
