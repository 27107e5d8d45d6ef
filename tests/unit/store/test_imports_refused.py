"""What an import refuses: cases without usable figures, and files that are none; nothing is ever half made."""

from __future__ import annotations

import codecs
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import RecordError, UsageError
from harness.core.quantity import Missing, Value
from harness.store.imports import benchmark_model, read, text
from harness.store.imports.records import import_run
from harness.store.runfolder import RunFolder

FOREIGN = Path(__file__).with_name("foreign")
GOOD = [0.001, 0.002, 0.003]


def benchmark(name: str, **stats: Any) -> dict[str, Any]:
    return {"name": name, "fullname": f"tests/test_a.py::{name}", "stats": {"rounds": 3, "iterations": 1, **stats}}


def write(folder: Path, *benchmarks: dict[str, Any], **more: Any) -> Path:
    """A file of pytest-benchmark."""
    file = folder / "file.json"
    file.write_text(json.dumps({"machine_info": {}, "benchmarks": benchmarks, **more}))
    return file


@pytest.mark.parametrize(
    ("stats", "reason"),
    [
        ({"data": [0.001, 0.0, 0.0]}, "sample 2 of 3 is 0 ns, and so are 1 others"),
        ({"data": [0.001, -0.002]}, "sample 2 of 2 is -2e+06 ns"),
        ({"data": [0.001, math.nan]}, "stats.data[1] is nan, not a finite number"),
        ({"data": [0.001, math.inf]}, "stats.data[1] is inf, not a finite number"),
        ({"data": [0.001, 10**400]}, "not a finite number"),
        ({"data": []}, "it has no samples"),
        ({"data": [0.001]}, "a single sample"),
        ({"data": [0.001, "0.002"]}, "stats.data[1] is '0.002', not a number"),
        ({"data": [0.001, True]}, "stats.data[1] is True, not a number"),
        ({"data": [0.001, None]}, "stats.data[1] is null, not a number"),
        ({"data": [0.001, [0.002]]}, "stats.data[1] is a list, not a number"),
        ({"data": 0.001}, "stats.data is 0.001, not a list"),
        ({"data": [1e-10, 1e-10]}, "expected a time of 1 ns or more"),
        ({"data": [1e12] * 30}, "more than a record can hold"),
        ({"data": GOOD, "iterations": 0}, "stats.iterations is 0"),
        ({"median": 0.0, "mean": 0.001}, "stats.median is 0"),
        ({"median": 0.001, "mean": 0.0}, "stats.mean is 0"),
        ({"median": 0.001, "mean": -1}, "stats.mean is -1"),
        ({"median": math.nan, "mean": 0.001}, "stats.median is nan"),
        ({"median": 1e12, "mean": 0.001}, "latency_p50_ns is 1e+21, more than a record can hold"),
        ({"median": 0.001, "mean": 0.001, "rounds": 1}, "a single inference"),
        ({"median": 0.001, "mean": 0.001, "rounds": 2.5}, "stats.rounds is 2.5, expected a count"),
        ({}, "it has no 'median'"),
    ],
)
def test_a_case_without_usable_figures_is_refused_and_the_others_are_imported(
    tmp_path: Path, stats: dict[str, Any], reason: str
) -> None:
    file = write(tmp_path, benchmark("test_bad", **stats), benchmark("test_good", data=GOOD))
    parsed = read(file)
    assert [refused.name for refused in parsed.refused] == ["tests/test_a.py::test_bad"]
    assert reason in parsed.refused[0].reason
    run = import_run(parsed, file, tmp_path / "run", "imported")
    assert [record.case.model for record in run.records()] == ["test_good"]
    assert run.header().provenance["source"]["refused"] == {one.name: one.reason for one in parsed.refused}


def test_a_file_in_which_no_case_is_usable_is_refused_with_every_reason(tmp_path: Path) -> None:
    file = write(tmp_path, benchmark("test_a", data=[0.0, 0.0]), benchmark("test_b", data=[]))
    with pytest.raises(RecordError) as caught:
        read(file)
    assert "test_a: sample 1 of 2 is 0 ns" in caught.value.message
    assert "test_b: it has no samples" in caught.value.message


def test_a_value_of_pyperf_that_is_no_time_refuses_its_benchmark_alone(tmp_path: Path) -> None:
    (good,) = json.loads((FOREIGN / "pyperf.json").read_text())["benchmarks"]
    bad = [
        {"metadata": {"name": "bytes", "unit": "byte"}, "runs": [{"values": [1, 2]}]},
        {"metadata": {"name": "zero"}, "runs": [{"values": [0.0]}, {"values": [0.0]}]},
        {"metadata": {"name": "calibrated"}, "runs": [{"warmups": [[1, 2.0]]}]},
        {"metadata": {"name": "odd"}, "runs": 5},
    ]
    file = tmp_path / "file.json"
    file.write_text(json.dumps({"benchmarks": [*bad, {**good, "metadata": {"name": "good"}}], "version": "1.0"}))
    parsed = read(file)
    assert [case.case.model for case in parsed.cases] == ["good"]
    reasons = {one.name: one.reason for one in parsed.refused}
    assert reasons["bytes"] == "it is measured in byte, not in seconds"
    assert reasons["zero"].startswith("sample 1 of 2 is 0 ns")
    assert reasons["calibrated"] == "it has no values"
    assert reasons["odd"] == "runs is 5, not a list"


@pytest.mark.parametrize("mean", ["0", "nan", "-5", "1e999", "1.2.3"])
def test_a_mean_that_is_no_time_refuses_the_run_of_benchmark_model(tmp_path: Path, mean: str) -> None:
    log = (FOREIGN / "benchmark_model.txt").read_text()
    assert "Inference (avg): 13520.2" in log
    file = tmp_path / "log"
    file.write_text(log + log.replace("Inference (avg): 13520.2", f"Inference (avg): {mean}"))
    parsed = read(file)
    assert len(parsed.cases) == 1
    assert parsed.refused[0].name == "mobilenet_v1_1.0_224"
    assert "the mean is" in parsed.refused[0].reason


def test_what_benchmark_model_did_not_do_is_missing_and_not_0() -> None:
    line = "Inference timings in us: Init: 0, First inference: 900, Warmup (avg): 850, Inference (avg): 810.5\n"
    (case,) = benchmark_model.parse(line).cases
    assert case.metrics["load_ns"] == Missing("benchmark_model prints Init: 0")


def test_a_log_of_several_runs_keeps_their_memory_and_counts_apart() -> None:
    timings = "Inference timings in us: Init: 5, First inference: 9, Warmup (avg): 8, Inference (avg): 7\n"
    memory = "Peak memory footprint (MB): init=0 overall="
    first, second = benchmark_model.parse(
        f"count=50 first=9\n{timings}{memory}1\ncount=60 first=9\n{timings}{memory}2\n"
    ).cases
    assert [case.notes["peak_growth_bytes"] for case in (first, second)] == [2**20, 2 * 2**20]
    assert [case.metrics["n_inferences"] for case in (first, second)] == [Value(50), Value(60)]


@pytest.mark.parametrize("figure", ["0", "0.00", "-1", "nan", "4,07", "fast"])
def test_a_figure_of_benchmark_app_that_is_none_refuses_the_run(tmp_path: Path, figure: str) -> None:
    report = (FOREIGN / "benchmark_app.csv").read_text()
    for line in ("throughput;188.33", "latency (ms);4.07"):
        assert line in report
        file = tmp_path / "report.csv"
        file.write_text(report.replace(line, f"{line.partition(';')[0]};{figure}"))
        with pytest.raises(RecordError, match="no case has usable figures"):
            read(file)


def test_an_extra_of_a_users_test_is_not_taken_for_a_metric(tmp_path: Path) -> None:
    extra = {"extra_info": {"top1": 0.9, "energy_net_j": "0.5 J", "latency_p50_ns": 12345}}
    file = write(tmp_path, {**benchmark("test_mine", data=GOOD), **extra})
    (case,) = read(file).cases
    assert "top1" not in case.metrics
    assert case.metrics["latency_p50_ns"] == Value(2e6, 1e6, 3e6, 3)


def test_samples_that_are_means_of_several_calls_have_no_tail(tmp_path: Path) -> None:
    file = write(tmp_path, benchmark("test_fast", data=[1e-6, 2e-6] * 400, iterations=1000))
    (case,) = read(file).cases
    assert case.metrics["n_inferences"] == Value(800_000)
    tail = case.metrics["latency_p90_ns"]
    assert isinstance(tail, Missing)
    assert "mean of 1000 calls" in tail.reason


@pytest.mark.parametrize("name", ["", "a\x00b", "\ud800", "\x1b[2Jx", "x" * 5000, "a\nb", "net|int8|t4", "../../x"])
def test_a_name_of_any_kind_becomes_one_that_can_be_shown_and_stored(tmp_path: Path, name: str) -> None:
    file = write(tmp_path, benchmark(name, data=GOOD), benchmark(name, data=GOOD))
    run = import_run(read(file), file, tmp_path / "run", "imported")
    models = [record.case.model for record in run.records()]
    assert len(set(models)) == 2
    assert all(model.isprintable() and len(model) < 600 for model in models)
    assert run.missing() == ()


def test_numbers_behind_repeated_names_do_not_meet_a_name_of_the_file(tmp_path: Path) -> None:
    graphs = "".join(
        f"Graph: [{name}.tflite]\nInference timings in us: Init: 5, First inference: 9, Warmup (avg): 8, "
        f"Inference (avg): 7\n"
        for name in ("net", "net", "net (2)", "net")
    )
    file = tmp_path / "log"
    file.write_text(graphs)
    models = [record.case.model for record in import_run(read(file), file, tmp_path / "run", "imported").records()]
    assert models == ["net", "net (2)", "net (2) (2)", "net (3)"]


@pytest.mark.parametrize("time", ["garbage", 5, "0001-01-01T00:00:00+14:00", "1912-01-01", None])
def test_a_time_that_cannot_be_read_is_that_of_the_file_and_says_so(tmp_path: Path, time: object) -> None:
    file = write(tmp_path, benchmark("test_a", data=GOOD), datetime=time)
    os.utime(file, (1_000_000_000, 1_000_000_000))
    header = import_run(read(file), file, tmp_path / "run", "imported").header()
    assert header.started_utc == "2001-09-09T01:46:40.000000+00:00"
    assert header.provenance["started"].startswith("modification time of the file: ")


@pytest.mark.parametrize("machine", [None, 5, [], {"cpu": "Cortex-A76"}, {"cpu": None}, {"machine": ["x"]}])
def test_facts_about_the_machine_in_another_form_do_not_stop_an_import(tmp_path: Path, machine: object) -> None:
    file = write(tmp_path, benchmark("test_a", data=GOOD), machine_info=machine, commit_info=[], version=None)
    host = import_run(read(file), file, tmp_path / "run", "imported").header().host
    assert host == {"machine_id": None, **({"cpu_model": "Cortex-A76"} if machine == {"cpu": "Cortex-A76"} else {})}


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.encode("utf-16"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    ],
    ids=["byte order mark", "CRLF", "UTF-16", "UTF-16, big end first"],
)
@pytest.mark.parametrize("name", sorted(file.name for file in FOREIGN.iterdir()))
def test_a_file_that_passed_through_windows_is_the_same_file(tmp_path: Path, name: str, encode: Any) -> None:
    file = tmp_path / name
    file.write_bytes(encode((FOREIGN / name).read_text()))
    assert read(file).cases == read(FOREIGN / name).cases


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"\xff\x00latin \xe9", "not a text file: byte 0 is not utf-8"),
        (b'{"machine_info": {}, "benchmarks": [{"name": "test_a", "sta', "Unterminated string"),
        (b'{"machine_info": {}, "benchmarks": [], "benchmarks": []}', "the key 'benchmarks' occurs twice"),
        (b'{"machine_info": ' + b'{"a": ' * 100_000, "nested too deeply"),
        (b'{"benchmarks": [5], "context": {}}', "not a result of"),
        (b"12", "not a result of"),
        (b"\x00" * 100, "not a result of"),
    ],
)
def test_a_file_that_is_no_result_is_refused_with_what_is_wrong(tmp_path: Path, contents: bytes, message: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(contents)
    with pytest.raises(RecordError) as caught:
        read(file)
    assert str(file) in caught.value.message
    assert message in caught.value.message
    assert caught.value.remedy


def test_what_is_not_a_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, what in ((tmp_path, "a folder"), (tmp_path / "pipe", "a device"), (Path("/dev/zero"), "a device")):
        with pytest.raises(RecordError, match=what):
            read(path)
    for path in (tmp_path / "absent", tmp_path / "file\x00"):
        with pytest.raises(RecordError):
            read(path)


def test_a_file_too_large_for_memory_is_refused_without_reading_it(tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    with file.open("wb") as sparse:
        sparse.truncate(text.MAX_BYTES + 1)
    with pytest.raises(RecordError, match="256 MiB"):
        read(file)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, benchmark("test_a", data=GOOD))
    file.chmod(0)
    with pytest.raises(RecordError, match="Permission denied"):
        read(file)


def test_a_run_folder_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write of the import fails once; none of these attempts leaves a trace."""
    file = write(tmp_path, benchmark("test_a", data=GOOD), benchmark("test_b", data=GOOD))
    parsed, replace, writes = read(file), Path.replace, 0

    def failing_at(number: int) -> None:
        nonlocal writes
        writes = 0

        def fail(path: Path, target: Path) -> Path:
            nonlocal writes
            writes += 1
            if writes == number:
                raise OSError(28, "No space left on device", str(target))
            return replace(path, target)

        monkeypatch.setattr(Path, "replace", fail)

    failing_at(1000)
    import_run(parsed, file, tmp_path / "whole", "imported")
    assert writes >= 4, "header, samples, two records"
    for number in range(1, writes + 1):
        failing_at(number)
        with pytest.raises(OSError, match="No space left"):
            import_run(parsed, file, tmp_path / "runs" / "half", "imported")
        assert list((tmp_path / "runs").iterdir()) == []
    monkeypatch.undo()
    assert len(import_run(parsed, file, tmp_path / "runs" / "half", "imported").records()) == 2


def test_an_import_never_writes_into_what_is_there(tmp_path: Path) -> None:
    file = write(tmp_path, benchmark("test_a", data=GOOD))
    parsed = read(file)
    (tmp_path / "empty").mkdir()
    import_run(parsed, file, tmp_path / "empty", "imported")
    before = RunFolder(tmp_path / "empty").header()
    for taken in (tmp_path / "empty", tmp_path, file):
        with pytest.raises(UsageError, match="already exists"):
            import_run(parsed, file, taken, "imported")
    assert RunFolder(tmp_path / "empty").header() == before
