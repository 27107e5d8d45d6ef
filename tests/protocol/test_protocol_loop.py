"""The promises of docs/protocol.md on what happens within a process, and what is recorded of it."""

from __future__ import annotations

import gc
import inspect
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core import plugins
from harness.core.artifact import Preprocess
from harness.core.quantity import Value
from harness.datasets.dataset import open_dataset
from harness.measure.metrics import latency_metrics
from harness.measure.passes.worker_process import Answer
from harness.measure.presets import profile
from harness.measure.protocol import Job, LabelledData, Loop
from harness.measure.selfcheck import checks
from harness.measure.worker import __main__, loop
from harness.measure.worker.loop import LoopPlan
from harness.measure.worker.scenarios import ScenarioContext
from harness.runs.session import RunSession
from harness.runtimes.base import Options
from harness.runtimes.null import NullSession
from tests.fakes.plans import plan_of
from tests.protocol.protocol_helpers import ROOT, ScriptedLatency, config_on_a_tree, number
from tests.protocol.scripted import (
    MS,
    US,
    Blobs,
    Machine,
    Scripted,
    answer,
    in_process,
    judged,
    measure,
    prepared,
    records,
    state_of,
    steady,
)

# --- Latency: in the process ------------------------------------------------------------------------------------------


def part(events: Sequence[str], number_of_loop: int) -> list[str]:
    """The events of the n-th loop of a process, from 0: warm-up, timed loop, one input repeated."""
    starts = [place for place, event in enumerate(events) if event == "loop"]
    start = starts[number_of_loop]
    return list(events[start + 1 : events.index("end of loop", start)])


def falling(first_ns: int, warm_ns: int, then_ns: int) -> Callable[[int], int]:
    """The first inference, three of the warm-up, and all that follow."""
    return lambda n: first_ns if n == 0 else warm_ns if n <= 3 else then_ns


def test_phases_are_timed_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    session = Scripted(machine, falling(13 * MS, 3 * MS, MS))
    result, arrays = in_process(monkeypatch, tmp_path, machine, session)
    assert (result["import_ns"], result["load_ns"], result["first_inference_ns"]) == (70 * MS, 30 * MS, 13 * MS)
    assert arrays["warmup_ns"].tolist() == [3 * MS] * 3
    assert arrays["wall_ns"].tolist() == [MS] * 40
    order = [event for event in machine.events if event in ("import", "load", "infer", "loop")]
    assert order[:4] == ["import", "load", "infer", "loop"]
    assert [part(machine.events, n).count("infer") for n in (0, 1)] == [3, 40]
    assert result["ended_ns"] - result["started_ns"] == 40 * MS


def test_cold_start_is_the_sum_of_the_phases(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    monkeypatch.setattr(__main__, "_FIRST_LINE_NS", 9 * MS)
    session = Scripted(machine, falling(13 * MS, 3 * MS, MS))
    result, _ = in_process(monkeypatch, tmp_path, machine, session, spawned_ns=4 * MS)
    assert result["spawn_ns"] == 5 * MS
    times = ("spawn_ns", "import_ns", "load_ns", "first_inference_ns")
    told = [(1, 20, 300, 4000), (2, 90, 200, 9000), (9, 30, 100, 5000)]
    state = state_of([answer(**dict(zip(times, each, strict=True))) for each in told])
    found = latency_metrics(state, profile("quick"))
    assert found["cold_start_ns"] == Value(5139, n=3)
    assert found["load_ns"] == Value(200, n=3)
    assert found["first_inference_ns"] == Value(5000, n=3)


def test_warm_up_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    result, arrays = in_process(monkeypatch, tmp_path, machine, Scripted(machine, falling(900 * MS, 90 * MS, MS)))
    state = state_of([Answer(result, arrays)], how="smoke")
    (run,) = state.runs
    assert (run.n_warmup, run.n_timed) == (3, 40)
    found = latency_metrics(state, profile("smoke"))
    for name in ("latency_p50_ns", "cpu_time_p50_ns"):
        assert number(found[name]) == MS
    assert number(found["throughput_per_s"]) == pytest.approx(1000)
    assert number(found["n_inferences"]) == 40


def test_what_precedes_the_steady_state_joins_the_warm_up() -> None:
    wall = np.concatenate([steady(3 * MS, 100), steady(2 * MS, 400)])
    blobs = Blobs()
    state = state_of([answer(wall, warmup_ns=[7 * MS])], blobs=blobs)
    (run,), (kept,) = state.runs, blobs.kept
    assert (run.n_warmup, run.n_timed, run.unsteady) == (101, 400, "")
    assert run.median_ns == pytest.approx(2 * MS, rel=0.001)
    assert kept["warmup_ns"].tolist() == [7 * MS, *wall[:100]]
    assert kept["wall_ns"].tolist() == wall[100:].tolist() == state.wall_ns[0].tolist()
    assert len(kept["cpu_ns"]) == len(state.cpu_ns[0]) == 400
    assert number(latency_metrics(state, profile("smoke"))["latency_p50_ns"]) == pytest.approx(2 * MS, rel=0.001)


def stepped(at: int, by: float) -> Any:
    """400 samples whose level changes by a share."""
    return np.concatenate([steady(2 * MS, at), steady(2 * MS * (1 + by), 400 - at)])


@pytest.mark.parametrize(("name", "allowed"), [("quick", 0.05), ("standard", 0.02), ("full", 0.01)])
def test_levels_of_a_steady_state_may_differ_by_1_percent(name: str, allowed: float) -> None:
    for by in (allowed + 0.006, -allowed - 0.006):
        late, early = (state_of([answer(stepped(at, by))], how=name).runs[0] for at in (300, 100))
        assert "the level still changes" in late.unsteady, "in the last half"
        assert (early.unsteady, early.n_timed) == ("", 300)
    (run,) = state_of([answer(stepped(300, allowed - 0.006))], how=name).runs
    assert (run.unsteady, run.n_timed) == ("", 400)


def test_an_unsteady_process_keeps_its_samples() -> None:
    blobs = Blobs()
    wall = stepped(300, 0.5)
    state = state_of([answer(wall)], blobs=blobs)
    (run,) = state.runs
    assert run.unsteady
    assert (run.n_timed, run.n_warmup) == (400, 1)
    assert state.wall_ns[0].tolist() == blobs.kept[0]["wall_ns"].tolist() == wall.tolist()


def test_inputs_rotate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    session = Scripted(machine)
    in_process(monkeypatch, tmp_path, machine, session)
    timed = session.prepared[1 + 3 : 1 + 3 + 40]
    assert timed == [n % 8 for n in range(40)]
    assert len({array.tobytes() for array in session.arrays[:8]}) == 8


def test_inputs_are_images_or_seeded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []
    for seed in (1, 1, 2):
        machine = Machine()
        session = Scripted(machine)
        in_process(monkeypatch, tmp_path, machine, session, seed=seed)
        seen.append(np.stack(session.arrays[:8]))
    assert np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], seen[2])
    assert seen[0].shape == (8, *Scripted.inputs[0].shape)
    how = Preprocess(channels=1, scale=51.0, mean=(1.0,), std=(2.0,))
    labelled = LabelledData("idx", str(ROOT / "suites" / "data" / "fashion-mnist"), how)
    images = [image for image, _ in open_dataset("idx", Path(labelled.path)).items(9)]
    shown: list[Any] = []

    def keep(job: Job) -> Answer:
        shown.append(np.load(job.feeds or ""))
        return answer()

    measure(monkeypatch, [prepared(labelled=labelled)], profile("smoke"), keep, scratch=tmp_path)
    assert shown[0].shape == (8, 1, 28, 28)
    for row, image in zip(shown[0], images, strict=False):
        assert row.ravel() == pytest.approx(((np.asarray(image, float) / 51.0 - 1.0) / 2.0).ravel(), abs=1e-5)
    machine = Machine()
    session = Scripted(machine)
    given = np.arange(32, dtype=np.float32).reshape(8, 4)
    np.save(tmp_path / "feeds.npy", given)
    in_process(monkeypatch, tmp_path, machine, session, feeds=str(tmp_path / "feeds.npy"))
    assert np.array_equal(np.concatenate(session.arrays[:8]), given)


def test_inputs_are_copied_before_the_clock_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    result, arrays = in_process(monkeypatch, tmp_path, machine, Scripted(machine, prepare_ns=9 * MS))
    assert set(arrays["wall_ns"]) == set(arrays["cpu_ns"]) == {MS}
    assert result["first_inference_ns"] == MS
    once = [event for event in part(machine.events, 1) if event in ("prepare", "infer")]
    assert once == ["prepare", "infer"] * 40


def test_clock_stops_when_outputs_are_complete(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from harness.runtimes.tensorrt.adapter import GPU
    from tests.fakes.tensorrt import Fake

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fake = Fake().install(monkeypatch)
    layers = [["CONVOLUTION", "FLOAT"]]
    (tmp_path / "m.onnx").write_text(json.dumps({"inputs": {"x": [1, 4]}, "layers": layers}))
    session = GPU.open(tmp_path / "m.onnx", Options())
    session.prepare({"x": np.float32([[1, 2, 3, 4]])})
    before = len(fake.calls)
    session.infer()
    calls = [call[0] for call in fake.calls[before:]]
    assert calls == ["cudaMemcpyAsync", "execute_async_v3", "cudaMemcpyAsync", "cudaStreamSynchronize"]
    before = len(fake.calls)
    assert session.fetch()["y"].tolist() == [[2, 4, 6, 8]]
    assert len(fake.calls) == before, "nothing is left to be done when the clock has stopped"


def test_clock_is_read_directly_around_the_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    in_process(monkeypatch, tmp_path, machine, Scripted(machine))
    events = part(machine.events, 1)
    once = ["prepare", "thread", "wall", "infer", "wall", "thread"]
    start = events.index("prepare")
    assert events[start : start + 40 * 6] == once * 40
    for function in (loop.run, loop.timed):
        assert inspect.signature(function).parameters["clock"].default is loop.time.perf_counter_ns
    assert ScenarioContext._field_defaults["now"] is loop.time.perf_counter_ns


def test_collector_is_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    session = Scripted(machine)
    result, _ = in_process(monkeypatch, tmp_path, machine, session)
    assert set(session.collecting[1:]) == {False}
    assert len(session.collecting) > 40
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    assert result["gc_frozen"] > 1000


def test_loop_allocates_nothing() -> None:
    n = 3000
    machine = Machine()
    blocks = np.zeros(n, np.int64)

    class Counting(Scripted):
        def infer(self) -> None:
            machine.wall_ns += 123_456_789  # no small number that Python keeps anyway
            machine.events.clear()
            blocks[self.n] = sys.getallocatedblocks()
            self.n += 1

        def prepare(self, batch: Any) -> None: ...

        n = 0

    samples = loop.run(Counting(machine), [{"x": np.zeros(4)}], LoopPlan(n, 0, n), machine.wall)
    assert len(samples.wall_ns) == n
    assert blocks[-1] - blocks[10] < n / 10, "each number that is kept takes a block"


def test_short_inferences_are_timed_several_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for once_ns, calls in [(49 * US, 2), (50 * US, 1), (20 * US, 3), (10 * US, 5), (MS, 1)]:
        machine = Machine()
        session = Scripted(machine, lambda _n, once_ns=once_ns: once_ns)
        result, arrays = in_process(monkeypatch, tmp_path / str(once_ns), machine, session)
        assert result["calls_per_sample"] == calls, once_ns
        assert part(machine.events, 1).count("infer") == result["inferences"] == 40 * calls
        assert arrays["wall_ns"].tolist() == arrays["cpu_ns"].tolist() == [once_ns] * 40


def test_one_input_is_repeated_afterwards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for remembers, ratio in ((True, 0.5), (False, 1.0)):
        machine = Machine()
        session = Scripted(machine, remembers=remembers)
        result, arrays = in_process(monkeypatch, tmp_path, machine, session)
        assert result["same_input_ratio"] == ratio
        assert set(arrays["wall_ns"]) == {MS}, "the figure itself has inputs in rotation"
        after = session.prepared[1 + 3 + 40 :]
        assert after[:11] == [0] * 11
        assert after[11] != after[12], "what follows is no repetition"


def test_single_inferences_follow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for min_n, cycles, takes_ns in ((5, 3, MS), (40, 24, 40 * US), (40, 6, MS), (400, 8, MS)):
        machine = Machine()
        session = Scripted(machine, lambda _n, takes_ns=takes_ns: takes_ns, prepare_ns=3 * US, fetch_ns=5 * US)
        result, arrays = in_process(monkeypatch, tmp_path, machine, session, loop=Loop(3, 0, min_n, 0))
        assert len(arrays["wall_ns"]) == min_n
        end = [place for place, event in enumerate(machine.events) if event == "end of loop"][-1]
        phases = [event for event in machine.events[end:] if event in ("prepare", "infer", "fetch")]
        assert phases == ["prepare", "infer", "fetch", "fetch"] * 2 * cycles
        followed = session.prepared[-2 * cycles :]
        assert followed[::2] == [n % 8 for n in range(cycles)], "inputs of the loop"
        known = len(set(session.prepared[: -2 * cycles]))
        assert followed[1::2] == list(range(known, known + cycles)), "in turn with inputs that never came before"
        told = result["cycle_ns"]
        assert (told["prepare"], told["infer"], told["fetch"]) == (3 * US, takes_ns, 5 * US)
        assert result["new_input_ratio"] == 1.0
    for new, old in zip(session.arrays[8:], session.arrays[:8], strict=True):  # those of the last process
        assert sorted(new.ravel()) == sorted(old.ravel())
        assert np.count_nonzero(new != old) >= 2


def test_cpu_time_is_of_what_infers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for threads, cpu_ns in ((1, MS // 2), (2, 2 * MS)):
        machine = Machine()
        session = Scripted(machine, cpu_share=0.5, helpers=3)
        _, arrays = in_process(monkeypatch, tmp_path, machine, session, options=Options(threads))
        assert set(arrays["wall_ns"]) == {MS}
        assert set(arrays["cpu_ns"]) == {cpu_ns}, threads


def test_clock_cost_is_subtracted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for threads in (1, 2):
        machine = Machine(read_ns=1500)
        _, arrays = in_process(monkeypatch, tmp_path, machine, Scripted(machine), options=Options(threads))
        assert set(arrays["cpu_ns"]) == {MS}
    machine = Machine(read_ns=1500)
    _, arrays = in_process(monkeypatch, tmp_path, machine, Scripted(machine, cpu_share=0.0))
    assert set(arrays["cpu_ns"]) == {0}, "and never more than there is"


# --- Latency: what is recorded ----------------------------------------------------------------------------------------


def test_facts_of_each_process_are_recorded() -> None:
    facts: dict[str, Any] = {
        "involuntary_switches": 11,
        "voluntary_switches": 12,
        "cpu_pressure": 0.013,
        "run_delay": 0.014,
        "os_threads": 14,
        "busy_threads": 15,
        "control_ns": 1.015e6,
        "control_ratio": 1.016,
        "same_input_ratio": 0.97,
        "new_input_ratio": 0.96,
        "cycle_ns": {"infer": 17},
        "gc_frozen": 18,
        "spawn_ns": 19,
        "import_ns": 20,
        "load_ns": 21,
        "first_inference_ns": 22,
        "peak_rss_bytes": 23,
        "max_rss_bytes": 24,
        "started_ns": 25,
        "ended_ns": 26,
        "inferences": 27,
    }
    (run,) = state_of([answer(affinity=[3, 1], **facts)]).runs
    assert {name: getattr(run, name) for name in facts} == facts
    assert run.affinity == (3, 1)
    assert run.peak_rss_after_bytes == dict.fromkeys(("import", "load", "first", "steady"), 100)


def test_raw_samples_are_kept() -> None:
    blobs = Blobs()
    walls = [steady(2 * MS, 300), steady(3 * MS, 30)]
    state = state_of([answer(wall, cpu_share=0.5, warmup_ns=[7, 8]) for wall in walls], blobs=blobs)
    for number_of_process, (run, wall, kept) in enumerate(zip(state.runs, walls, blobs.kept, strict=True), 1):
        assert kept["wall_ns"].tolist() == wall.tolist()
        assert kept["cpu_ns"].tolist() == np.rint(wall * 0.5).tolist()
        assert kept["warmup_ns"].tolist() == [7, 8]
        assert run.blob.sha256 == f"{number_of_process:064x}", "the record names the blob"
        assert run.blob.n == run.n_timed == len(wall)


@pytest.mark.parametrize(("ratio", "held"), [(0.89, False), (0.90, True), (1.3, True)])
def test_same_input_test_is_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ratio: float, held: bool) -> None:
    run = ScriptedLatency(lambda n: answer(same_input_ratio=(ratio, 0.5, 2.0)[n]))
    ((record,), _) = records(monkeypatch, tmp_path, [prepared()], run)
    assert record.details["same_input"] == {"ratio": ratio, "at_least": 0.9, "held": held}


def test_same_input_test_is_in_the_reason() -> None:
    flattered = judged(state_of([answer(same_input_ratio=0.7)] * 3))
    assert flattered.status == "precise"
    assert "repeating one input is 30% faster" in flattered.reason
    assert "repeating" not in judged(state_of([answer(same_input_ratio=0.91)] * 3)).reason
    imprecise = judged(state_of([answer(steady(n * MS), same_input_ratio=0.7) for n in (1, 2, 3)]))
    assert imprecise.status == "imprecise"
    assert "repeating one input is 30% faster" in imprecise.reason


def test_overhead_is_in_the_header(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Job] = []

    def run(job: Job, timeout_s: float) -> Answer:
        asked.append(job)
        assert job.loop
        return answer([9], warmup_ns=[*[5000] * 2000, *[140] * (job.loop.warmup_n - 2000)])

    monkeypatch.setattr(checks, "run_worker", run)
    with RunSession(config_on_a_tree(tmp_path), plan_of([], tmp_path / "run")) as made:
        pass
    assert made.folder.header().harness_overhead_ns == Value(140.0, n=10_000)
    (job,) = asked
    assert job.runtime == "harness.runtimes.null:null"
    assert isinstance(plugins.load("runtimes", "null").open(Path(), Options()), NullSession)
