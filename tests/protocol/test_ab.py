"""The promises of docs/ab.md, one test each: comparisons of made-up processes, the instrument on made-up clocks."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness import stats
from harness.cli import main, parser
from harness.core.artifact import Artifact, Preprocess
from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.quantity import Missing, Quantity, Value
from harness.core.sensing import Channel, Reading
from harness.core.verdict import Verdict
from harness.measure import ab as pairs
from harness.measure.ab import PairedComparison, ProcessTiming, Side
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.prepared import PreparedCase
from harness.measure.presets import PROFILES
from harness.measure.protocol import Job, LabelledData
from harness.measure.selfcheck import checks, perturbation
from harness.measure.selfcheck.checks import Check, Workload
from harness.measure.selfcheck.perturbation import Alternation, Block, ImportCost, import_costs, slowdown
from harness.runs.ab import AbConfig
from harness.runs.variants import Variant as NamedSide
from harness.runtimes.base import Options
from harness.sensors.sampler import Sampler
from harness.stats.comparison import ab

MS = 1_000_000
NET = "mobilenet_v2-0.35-32"
PARSER = parser()
CRASH = WorkerFailure(Verdict("crashed", "SIGSEGV"), "")


def prepared(name: str, threads: int = 1, labelled: LabelledData | None = None) -> PreparedCase:
    artifact = Artifact(Path(f"{name}.onnx"), "onnx", "0" * 64, 1)
    case = Case(name, "fp32", "null", threads)
    return PreparedCase(case, artifact, "harness.runtimes.null:null", Options(threads), labelled)


def samples(median_ns: float, n: int = 200) -> NDArray[np.int64]:
    """Samples of that median that have settled."""
    return np.full(n, round(median_ns), np.int64)


class Processes:
    """In the place of `run_worker`: `wall(side, pair)` are the samples of each process; no scenario is driven."""

    def __init__(
        self, wall: Callable[[str, int], NDArray[np.int64] | WorkerFailure], cpu_share: float = 1.0, **facts: Any
    ) -> None:
        self.jobs: list[Job] = []
        self._wall = wall
        self._cpu_share = cpu_share
        self._facts = facts

    @property
    def ran(self) -> list[str]:
        """The sides in the order in which they ran."""
        return [Path(job.model).stem for job in self.jobs]

    def __call__(self, job: Job, timeout_s: float) -> Answer | WorkerFailure:
        self.jobs.append(job)
        wall = self._wall(Path(job.model).stem, (len(self.jobs) - 1) // 2)
        if isinstance(wall, WorkerFailure):
            return wall
        facts: dict[str, Any] = {
            "load_ns": 3,
            "peak_rss_bytes": 5,
            "involuntary_switches": 7,
            "runtime_info": {"version": "1"},
        }
        facts |= {"run_delay": None, "cpu_pressure": 0.0}
        facts |= {"cycle_ns": {}, "new_input_ratio": 1.0, "same_input_ratio": 1.0, "calls_per_sample": 1}
        cpu = np.rint(wall * self._cpu_share).astype(np.int64)
        return Answer({**facts, **self._facts}, {"wall_ns": wall, "cpu_ns": cpu})


@pytest.fixture
def compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, Any], list[str]]]:
    """`compared(processes, *options, **of_both_sides)`: exit code, document, lines of `edgebench ab a b`."""

    def compare(processes: Processes, *options: str, **made: Any) -> tuple[int, dict[str, Any], list[str]]:
        variants: dict[Side, NamedSide] = {
            "a": NamedSide("old", prepared("a", **made)),
            "b": NamedSide("new", prepared("b", **made)),
        }
        monkeypatch.setattr(AbConfig, "variants", variants)
        monkeypatch.setattr(pairs, "run_worker", processes)
        monkeypatch.setattr("harness.cli.parser", lambda: PARSER)
        out = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        code = main(["ab", "a.onnx", "b.onnx", "--out", str(out), *options])
        return code, json.loads(out.read_text()) if out.exists() else {}, capsys.readouterr().out.splitlines()

    return compare


def noise(seed: int, sd: float) -> Iterator[float]:
    rng = np.random.default_rng(seed)
    while True:
        yield float(np.exp(sd * rng.standard_normal()))


def constant(ratio: float, sd: float = 0.0, seed: int = 0) -> Callable[[str, int], NDArray[np.int64]]:
    """A takes 2 ms, B `ratio` times as long; each process scatters by a share `sd`."""
    jitter = noise(seed, sd)
    return lambda side, pair: samples(2 * MS * (ratio if side == "b" else 1.0) * next(jitter))


def duel(
    ratio: Callable[[int], float], max_pairs: int = 20, same_within: float = 0.02, seed: int = 3
) -> PairedComparison:
    """A duel to its end: B takes `ratio(pair)` times as long as A."""
    made = PairedComparison.plan(max_pairs, same_within, seed)
    for _ in made.measure(lambda side, number: ProcessTiming(2e6 * (ratio(number) if side == "b" else 1.0), 1e6)):
        pass
    return made


# --- pairs


@pytest.mark.parametrize(
    ("a", "b", "ids"),
    [
        (f"{NET}|fp32|onnxruntime-cpu", f"{NET}|int8-static", (f"{NET}|fp32", f"{NET}|int8-static")),
        (NET, f"{NET}|int8-static|onnxruntime-cpu", (f"{NET}|fp32", f"{NET}|int8-static")),
        (f"{NET}||onnxruntime-cpu", NET, (f"{NET}|fp32", f"{NET}|fp32")),
    ],
)
def test_a_side_left_out_is_fp32_on_the_runtime_of_the_other(a: str, b: str, ids: tuple[str, str]) -> None:
    variants = AbConfig(a, b).variants
    assert [variants[key].prepared.case.id for key in ("a", "b")] == [f"{each}|onnxruntime-cpu|t1" for each in ids]


@pytest.mark.parametrize("profile", [None, "smoke", "quick", "standard", "full"])
def test_a_pair_is_one_fresh_process_of_each_side(compared: Any, profile: str | None) -> None:
    processes = Processes(constant(0.5))
    _, document, _ = compared(processes, *(["--profile", profile] if profile else []), "--max-pairs", "8")
    assert len(processes.jobs) == 16
    for first, second in zip(processes.ran[::2], processes.ran[1::2], strict=True):
        assert {first, second} == {"a", "b"}
    for job in processes.jobs:
        assert job == prepared(Path(job.model).stem).job("latency", Path(job.out), job.seed, job.loop)
        assert job.loop == PROFILES[profile or "quick"].loop
    assert document["profile"] == (profile or "quick")


def test_what_moves_both_processes_of_a_pair_drops_out(compared: Any) -> None:
    weather = [1.0, 3.0, 0.2, 5.0, 1.0, 2.0, 9.0, 0.5, 4.0, 1.0]
    processes = Processes(
        lambda side, pair: samples(2 * MS * weather[pair % 10] * (1.1 + 0.001 * pair if side == "b" else 1.0))
    )
    _, document, _ = compared(processes)
    assert document["verdict"] == "slower"
    assert document["comparison"]["ratio"] == pytest.approx(1.103, abs=0.001)
    assert document["comparison"]["hi"] - document["comparison"]["lo"] < 0.01


def test_pairs_run_ab_ba_or_ba_ab_by_a_coin(compared: Any) -> None:
    coins: Counter[str] = Counter()
    for seed in range(200):
        order = ["".join(pair) for pair in PairedComparison.plan(80, 0.02, seed).order]
        assert all({first, second} == {"ab", "ba"} for first, second in zip(order[::2], order[1::2], strict=True))
        coins.update(order[::2])
        # each toss is a new one: with one alone, or by turns, it would be always the same or never
        assert 5 <= sum(one == other for one, other in zip(order[::2], order[2::2], strict=False)) <= 34
    assert coins["ab"] == pytest.approx(4000, abs=250)  # 5 standard deviations
    assert (
        PairedComparison.plan(80, 0.02, 7).order
        == PairedComparison.plan(80, 0.02, 7).order
        != PairedComparison.plan(80, 0.02, 8).order
    )

    for asked in (1, 2):
        processes = Processes(constant(1.0, 0.1))
        compared(processes, "--seed", str(asked), "--max-pairs", "20")
        ran = "".join(processes.ran)
        assert (
            ran == "".join(side for pair in PairedComparison.plan(20, 0.02, asked).order for side in pair)[: len(ran)]
        )


def test_the_order_is_recorded(compared: Any) -> None:
    processes = Processes(constant(1.0, 0.1))
    _, document, _ = compared(processes, "--seed", "5")
    assert document["order"] == ["".join(pair) for pair in zip(processes.ran[::2], processes.ran[1::2], strict=True)]
    assert set(document["order"]) == {"ab", "ba"}
    assert document["seed"] == 5


def test_both_processes_of_a_pair_get_the_same_inputs(compared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes(constant(0.5))
    compared(processes, "--seed", "40")
    seeds = [job.seed for job in processes.jobs]
    assert seeds[::2] == seeds[1::2]
    assert len(set(seeds[::2])) == len(seeds) // 2 == 7
    assert [job.feeds for job in processes.jobs] == [None] * 14  # inputs are drawn from the seed

    labelled = LabelledData("folder", "photos", Preprocess())
    monkeypatch.setattr("harness.runs.ab.write_inputs", lambda cases, scratch: {labelled: Path("images.npy")})
    compared(processes := Processes(constant(0.5)), labelled=labelled)
    assert [job.feeds for job in processes.jobs] == ["images.npy"] * 14


def warming(side: str, pair: int) -> NDArray[np.int64]:
    """The first 45 % at three times the time; then by turns 1 and 1.004 ms, for B twice that."""
    steady = np.tile([MS, round(1.004 * MS)], 110)
    return np.concatenate((np.full(180, 3 * MS), steady)).astype(np.int64) * (2 if side == "b" else 1)


def test_a_process_counts_once_by_the_median_of_its_steady_state(compared: Any) -> None:
    _, document, _ = compared(Processes(warming))
    assert document["a"]["median_ns"] == [1.002 * MS] * 7  # the median of all samples is 1.004 ms
    assert document["b"]["median_ns"] == [2.004 * MS] * 7
    assert document["a"]["median_cpu_ns"] == [1.002 * MS] * 7
    assert document["comparison"]["pairs"] == 7

    def climbing(side: str, pair: int) -> NDArray[np.int64]:
        return np.linspace(MS, 3 * MS, 401).astype(np.int64)

    _, unsettled, _ = compared(Processes(climbing))
    assert set(unsettled["a"]["median_ns"]) == {2.0 * MS}
    assert all(unsettled["a"]["unsteady"])


@pytest.mark.parametrize(("ratio", "verdict"), [(0.5, "faster"), (2.0, "slower"), (1.1, "slower"), (0.9, "faster")])
def test_the_ratio_is_the_time_of_b_over_that_of_a(compared: Any, ratio: float, verdict: str) -> None:
    code, document, (line, *_) = compared(Processes(constant(ratio)))
    assert (code, document["verdict"], document["comparison"]["verdict"]) == (0, verdict, verdict)
    assert document["comparison"]["ratio"] == pytest.approx(ratio)
    assert line.startswith(f"B (new) is {verdict} than A (old), decided after 7 pairs: latency ratio B/A {ratio:g}")
    assert f"A 2 ms and B {2 * ratio:g} ms; B took longer in {7 if ratio > 1 else 0} of 7" in line


def signs(n: int) -> Iterator[tuple[int, ...]]:
    return itertools.product((0, 1), repeat=n)


def ranks(values: Sequence[float]) -> list[float]:
    """Mean ranks from 1."""
    ordered = sorted(values)
    return [float(np.mean([place for place, each in enumerate(ordered, 1) if each == value])) for value in values]


def by_enumeration(logs: Sequence[float]) -> float:
    """Wilcoxon's two-sided p-value: the share of all signs that are as extreme; zeros are left out."""
    left = [each for each in logs if each]
    own = ranks([abs(each) for each in left])
    observed = sum(rank for rank, each in zip(own, left, strict=True) if each > 0)
    sums = [sum(rank for rank, sign in zip(own, signs_, strict=True) if sign) for signs_ in signs(len(left))]
    tail = min(sum(each <= observed for each in sums), sum(each >= observed for each in sums))
    return min(1.0, 2 * tail / len(sums))


RATIOS = ([1.05, 0.98, 1.02, 1.07, 0.99, 1.04, 1.01], [0.9, 0.95, 1.2, 0.8, 0.7, 0.97], [2.0, 2.0, 0.5, 8.0, 2.0])


@pytest.mark.parametrize("ratios", RATIOS)
def test_the_test_is_wilcoxons_signed_rank_test(ratios: list[float]) -> None:
    found = ab([1.0] * len(ratios), ratios)
    assert found.p_value == pytest.approx(by_enumeration(np.log(ratios).tolist()))
    assert ab(ratios, [1.0] * len(ratios)).p_value == pytest.approx(found.p_value)  # two-sided
    assert found.pairs == len(ratios)


@pytest.mark.parametrize("ratios", RATIOS)
@pytest.mark.parametrize("level", [0.95, 0.9, 0.975])
def test_the_estimate_is_that_of_hodges_and_lehmann(ratios: list[float], level: float) -> None:
    logs = np.log(ratios)
    n = len(logs)
    walsh = sorted((logs[i] + logs[j]) / 2 for i in range(n) for j in range(i, n))
    found = ab([3.0] * n, (3.0 * np.exp(logs)).tolist(), level=level)
    assert np.log(found.ratio) == pytest.approx(float(np.median(walsh)))
    sums = [sum(place for place, sign in enumerate(each, 1) if sign) for each in signs(n)]
    allowed = [k for k in range(len(walsh)) if sum(each <= k for each in sums) / 2**n <= (1 - level) / 2]
    if allowed:  # else no rank holds the level, and the interval is wider than all that was seen
        assert np.log(found.lo) == pytest.approx(walsh[allowed[-1]])
        assert np.log(found.hi) == pytest.approx(walsh[-1 - allowed[-1]])
    else:
        assert np.log(found.lo) <= logs.min()
        assert np.log(found.hi) >= logs.max()


def test_a_tie_counts_for_neither_side() -> None:
    found = duel(lambda pair: (1.0, 1.0, 1.3, 1.0, 0.8, 1.0, 1.0)[pair], max_pairs=7).comparison
    assert found is not None
    assert (found.pairs, found.pairs_slower, found.verdict) == (7, 1, "undecided")
    assert found.p_value == by_enumeration([np.log(1.3), np.log(0.8)]) == 1.0
    level = duel(lambda pair: 1.0, max_pairs=7).comparison
    assert level is not None
    assert (level.pairs_slower, level.p_value, level.verdict) == (0, 1.0, "same")


# --- looks


@pytest.mark.parametrize(
    ("max_pairs", "looks"),
    [
        (20, [7, 10, 14, 20]),
        (None, [7, 10, 14, 20]),
        (2, [2]),
        (7, [7]),
        (10, [7, 10]),
        (13, [7, 13]),
        (14, [7, 10, 14]),
        (40, [10, 14, 20, 28, 40]),  # 7 that all agree have p = .016, more than that look's share
    ],
)
def test_looks_are_after_7_10_14_and_20_pairs(compared: Any, max_pairs: int | None, looks: list[int]) -> None:
    processes = Processes(lambda side, pair: samples(MS * (1.5 if (side == "b") == bool(pair % 2) else 1.0)))
    _, document, _ = compared(processes, *([] if max_pairs is None else ["--max-pairs", str(max_pairs)]))
    if max_pairs is None:
        assert document["max_pairs"] == 20
    assert document["looks"] == looks
    assert len(document["order"]) == looks[-1]
    if looks[-1] >= 7:  # at each look, pairs that all agree are enough
        for n in looks:
            assert 2 / 2**n <= 1 - stats.look_level(n, looks)


@pytest.mark.parametrize(
    ("clear_from", "pairs_run"), [(0, 7), (1, 10), (2, 14)], ids=["at once", "one stray pair", "two stray pairs"]
)
def test_measuring_ends_with_the_first_decision_at_a_look(clear_from: int, pairs_run: int) -> None:
    """The first pairs are strays in the other direction: the more there are, the later the rest outweighs them."""
    yielded = []
    made = PairedComparison.plan(20, 0.02, seed=1)
    before: list[str] = []
    for done in made.measure(
        lambda side, number: ProcessTiming(
            (0.99 if number < clear_from else 1.3 + 0.01 * number) if side == "b" else 1.0, 1.0
        )
    ):
        yielded.append(done)
        before.append(made.comparison.verdict if made.comparison else "not looked")
    assert yielded == list(range(1, pairs_run + 1))
    assert made.comparison is not None
    assert (made.comparison.verdict, made.comparison.pairs) == ("slower", pairs_run)
    assert len(made.a) == len(made.b) == pairs_run
    assert before[:6] == ["not looked"] * 6  # six pairs that all agree have p = .03, and nobody looked
    assert set(before[6:-1]) <= {"undecided"}


def test_the_error_is_spent_over_the_looks() -> None:
    looks = (7, 10, 14, 20)
    levels = []
    for n in looks:
        made = PairedComparison.plan(20, 0.0, seed=1)
        for done in made.measure(
            lambda side, number: ProcessTiming(1.0 + 0.5 * ((side == "b") == bool(number % 2)), 1.0)
        ):
            if done == n:
                break
        levels.append(made.level)
    assert all(level is not None and level > 0.95 for level in levels)
    assert sum(1 - level for level in levels if level is not None) == pytest.approx(0.05)
    # a net against itself, where nothing can be called the same: 5 % of 160 are 8, plus three standard deviations
    jitter = noise(5, 0.02)
    verdicts: Counter[str] = Counter()
    for seed in range(160):
        itself = PairedComparison.plan(20, 0.0, seed)
        list(itself.measure(lambda side, number: ProcessTiming(next(jitter), 1.0)))
        assert itself.comparison is not None
        verdicts[itself.comparison.verdict] += 1
    assert verdicts["faster"] + verdicts["slower"] <= 16
    assert verdicts["undecided"] >= 144


# --- outcomes


def outcome(ratios: Sequence[float], same_within: float = 0.02) -> tuple[str, float, float]:
    """Verdict and interval at the last look."""
    found = duel(lambda pair: ratios[pair], len(ratios), same_within).comparison
    assert found is not None
    return found.verdict, found.lo, found.hi


@pytest.mark.parametrize(
    ("lowest", "highest", "same"),
    [
        (0.999, 1.001, True),
        (1 / 1.0199, 1.0199, True),
        (1 / 1.0199, 1.0201, False),
        (1 / 1.0201, 1.0199, False),
        (0.9802, 1.0, False),  # 2 % below 1 is 1/1.02, not 0.98
        (1.001, 1.0199, True),
        (1.001, 1.0201, False),
    ],
)
def test_same_when_the_whole_interval_lies_within_the_margin(lowest: float, highest: float, same: bool) -> None:
    verdict, lo, hi = outcome([lowest] * 4 + [highest] * 4)  # 8 pairs: the interval is from the lowest to the highest
    assert (lo, hi) == pytest.approx((lowest, highest))
    assert (verdict == "same") is same
    assert outcome([lowest] * 4 + [highest] * 4, 0.5)[0] == "same"


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ([1.03] * 4 + [1.2] * 3, "slower"),
        ([1 / 1.03] * 4 + [1 / 1.2] * 3, "faster"),
        ([1.03] * 5 + [0.999, 0.998], "undecided"),
        ([1 / 1.03] * 5 + [1.001, 1.002], "undecided"),
        ([1.03] * 5, "undecided"),  # all above 1, but the test of five pairs has p = .0625
        ([1.03] * 6, "slower"),
    ],
)
def test_faster_or_slower_when_the_whole_interval_lies_on_one_side_of_1(ratios: list[float], verdict: str) -> None:
    found, lo, hi = outcome(ratios)
    assert found == verdict
    assert (lo > 1.0, hi < 1.0) == {
        "slower": (True, False),
        "faster": (False, True),
        "undecided": (len(ratios) == 5, False),
    }[verdict]


def test_undecided_when_neither_after_the_last_pair(compared: Any) -> None:
    processes = Processes(lambda side, pair: samples(MS * (1.5 if (side == "b") == bool(pair % 2) else 1.0)))
    code, document, (line, *_) = compared(processes)
    assert (code, document["verdict"], len(document["order"])) == (0, "undecided", 20)
    assert line.startswith("Undecided after 20 pairs whether B (new) is faster or slower than A (old): ")


def test_a_small_difference_that_is_known_is_the_same(compared: Any) -> None:
    small = constant(1.01, sd=0.0003, seed=4)
    assert compared(Processes(small))[1]["verdict"] == "same"
    _, asked, _ = compared(Processes(small), "--same-within", "0.005")
    assert (asked["verdict"], asked["same_within"]) == ("slower", 0.005)


@pytest.mark.parametrize("max_pairs", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("ratio", [0.1, 10.0])
def test_fewer_than_6_pairs_never_tell_faster_from_slower(compared: Any, max_pairs: int, ratio: float) -> None:
    _, document, lines = compared(Processes(constant(ratio)), "--max-pairs", str(max_pairs))
    assert (document["verdict"] == "undecided") is (max_pairs < 6)
    assert any("--max-pairs 6 or more" in line for line in lines) is (max_pairs < 6)
    with pytest.raises(UsageError):
        AbConfig("a", "b", max_pairs=1)


# --- warnings, document, exit codes


def test_a_held_core_is_warned_of(compared: Any) -> None:
    words = "warning: in 14 of 14 processes another program held the core"
    _, document, (_, warning) = compared(Processes(constant(0.5), cpu_share=1 / 1.051))
    assert warning.startswith(words)
    assert document["warnings"] == [warning.removeprefix("warning: ")]
    assert len(compared(Processes(constant(0.5), cpu_share=1 / 1.049))[2]) == 1
    assert len(compared(Processes(constant(0.5), cpu_share=0.5), threads=2)[2]) == 1


def test_a_mistimed_side_is_warned_of(compared: Any) -> None:
    _, _, (_, *told) = compared(Processes(constant(0.5), new_input_ratio=0.1))
    words = "warning: the latency of {} is not that of whole inferences: inputs seen before take 0.1 times as long"
    assert [warning.startswith(words.format(side)) for warning, side in zip(told, "AB", strict=True)] == [True, True]
    assert len(compared(Processes(constant(0.5), new_input_ratio=0.95))[2]) == 1


def test_threads_that_waited_are_warned_of(compared: Any) -> None:
    words = "warning: in 14 of 14 processes threads waited for a CPU for more than 5% of the time"
    for waits in ({"run_delay": 0.051}, {"cpu_pressure": 0.051}):
        _, _, (_, warning) = compared(Processes(constant(0.5), **waits), threads=2)
        assert warning.startswith(words)
    quiet = {"run_delay": 0.049, "cpu_pressure": 0.049}
    assert len(compared(Processes(constant(0.5), **quiet), threads=2)[2]) == 1
    unknown = {"run_delay": None, "cpu_pressure": None}
    assert len(compared(Processes(constant(0.5), **unknown), threads=2)[2]) == 1


def test_processes_that_never_settled_are_warned_of(compared: Any) -> None:
    def climbing(side: str, pair: int) -> NDArray[np.int64]:
        moving = side == "b" and pair < 3
        return np.linspace(MS, 3 * MS if moving else MS, 400).astype(np.int64) * (5 if side == "b" else 1)

    _, _, (_, warning) = compared(Processes(climbing))
    assert warning.startswith("warning: 3 of 14 processes never settled")
    assert len(compared(Processes(constant(0.5)))[2]) == 1


def test_the_document_keeps_everything(compared: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _, document, (sentence, *_) = compared(Processes(constant(0.5, 0.001)))
    assert document["schema"] == 1
    assert document["sentence"] == sentence
    assert document["verdict"] == document["comparison"]["verdict"] == "faster"
    assert set(document["comparison"]) >= {"ratio", "lo", "hi", "p_value", "pairs", "pairs_slower"}
    assert {"host", "versions", "order", "looks", "seed", "profile"} <= set(document)
    for name, side in (("a", document["a"]), ("b", document["b"])):
        assert len(side["median_ns"]) == len(side["median_cpu_ns"]) == 7
        assert side["involuntary_switches"] == [7] * 7
        assert (side["artifact"]["file"], side["runtime_info"]) == (f"{name}.onnx", {"version": "1"})
    medians = [b / a for a, b in zip(document["a"]["median_ns"], document["b"]["median_ns"], strict=True)]
    assert document["comparison"]["pairs_slower"] == sum(each > 1 for each in medians)
    assert (
        ab(document["a"]["median_ns"], document["b"]["median_ns"], level=document["level_of_this_look"]).ratio
        == (document["comparison"]["ratio"])
    )
    _, printed, lines = compared(Processes(constant(0.5, 0.001)), "--json")
    assert json.loads("\n".join(lines))["comparison"] == printed["comparison"] == document["comparison"]


def fails_at(pair: int) -> Callable[[str, int], NDArray[np.int64] | WorkerFailure]:
    """B crashes in that pair; else the two go by turns."""

    def wall(side: str, number: int) -> NDArray[np.int64] | WorkerFailure:
        if (side, number) == ("b", pair):
            return CRASH
        return samples(MS * (1.5 if (side == "b") == bool(number % 2) else 1.0))

    return wall


def interrupted_at(pair: int) -> Callable[[str, int], NDArray[np.int64]]:
    """Ctrl-C in that pair."""

    def wall(side: str, number: int) -> NDArray[np.int64]:
        if number == pair:
            raise KeyboardInterrupt
        return samples(MS * (1.5 if (side == "b") == bool(number % 2) else 1.0))

    return wall


@pytest.mark.parametrize(
    ("wall", "options", "code"),
    [
        (constant(0.5), (), 0),
        (constant(1.0), (), 0),
        (fails_at(99), (), 0),
        (fails_at(0), (), 3),
        (fails_at(6), (), 3),
        (fails_at(7), (), 4),
        (fails_at(15), (), 4),
        (interrupted_at(3), (), 130),
        (constant(0.5), ("--max-pairs", "1"), 2),
        (constant(0.5), ("--same-within", "-0.1"), 2),
    ],
    ids=[
        "faster",
        "same",
        "undecided",
        "none",
        "no look",
        "a look",
        "two looks",
        "interrupted",
        "one pair",
        "negative",
    ],
)
def test_exit_codes(compared: Any, wall: Any, options: Sequence[str], code: int) -> None:
    assert compared(Processes(wall), *options)[0] == code


@pytest.mark.parametrize("pair", [0, 3, 9])
def test_whole_pairs_are_kept(compared: Any, pair: int) -> None:
    _, failed, (line, *_) = compared(Processes(fails_at(pair)))
    assert line == f"No answer: B (new) gave no figures in pair {pair + 1}: crashed: SIGSEGV"
    assert failed["failure"]["side"] == "b"
    assert not failed["interrupted"]
    assert len(failed["a"]["median_ns"]) == len(failed["b"]["median_ns"]) == len(failed["order"]) == pair
    _, stopped, _ = compared(Processes(interrupted_at(pair)))
    assert stopped["interrupted"]
    assert stopped["failure"] is None
    assert len(stopped["a"]["median_ns"]) == len(stopped["b"]["median_ns"]) == len(stopped["order"]) == pair


# --- the instrument itself


def number(quantity: Quantity) -> float:
    assert isinstance(quantity, Value), quantity
    return quantity.value


@pytest.mark.parametrize(
    ("quantity", "word"),
    [
        (Value(10.0), "shown"),
        (Value(10.1), "missed"),
        (Value(9.0, 8.0, 10.0), "shown"),
        (Value(9.0, 8.0, 10.1), "undecided"),
        (Value(11.0, 9.9, 12.0), "undecided"),
        (Value(12.0, 10.1, 13.0), "missed"),
        (Missing("no clock"), "undecided"),
    ],
)
def test_a_target_is_shown_missed_or_undecided(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, quantity: Quantity, word: str
) -> None:
    check = Check("n", "A title", quantity, "ns", 10.0, "the remedy")
    monkeypatch.setattr("harness.runs.selfcheck.selfcheck", lambda pairs: iter([check]))
    assert main(["selfcheck", "--out", str(tmp_path / "s.json")]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith(word)
    assert "target: at most 10 ns" in first
    assert any("the remedy" in line for line in rest) is (word != "shown")
    (kept,) = json.loads((tmp_path / "s.json").read_text())["checks"]
    assert kept["target"] == 10.0
    figures = (
        [f"{each:.0f} ns" for each in (quantity.value, quantity.lo, quantity.hi) if each]
        if isinstance(quantity, Value)
        else [quantity.reason]
    )
    assert all(each in first for each in figures)


@pytest.mark.parametrize(("arch", "target"), [("x86_64", 150.0), ("AMD64", 150.0), ("aarch64", 500.0)])
def test_target_of_the_timed_loop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arch: str, target: float) -> None:
    def worker(job: Job, timeout_s: float) -> Answer:
        assert job.runtime == "harness.runtimes.null:null"
        assert job.loop is not None
        settling, counted = 2000, job.loop.warmup_n - 2000
        warm_up = np.concatenate((np.full(settling, 9000), np.full(counted // 2, 120), np.full(counted // 2, 140)))
        return Answer({}, {"warmup_ns": warm_up, "wall_ns": np.array([1]), "cpu_ns": np.array([1])})

    monkeypatch.setattr(checks, "run_worker", worker)
    check = checks.loop_overhead(tmp_path, arch)
    assert (number(check.quantity), check.unit, check.target) == (130.0, "ns", target)


def test_targets_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    step = checks.clock_step(lambda: next(ticks) // 3 * 70, n=50)
    assert (number(step.quantity), step.unit, step.target) == (70.0, "ns", 100.0)
    times = itertools.accumulate(itertools.cycle([0, 5000, 1000, 5000]))  # around 50 readings; 1 us between series

    class Time:
        perf_counter_ns = staticmethod(lambda: next(times))

    monkeypatch.setattr(checks, "time", Time)
    cost = checks.clock_cost(lambda: 0, n=9, calls=50)
    assert (cost.unit, cost.target) == ("ns", 250.0)
    assert number(cost.quantity) == pytest.approx(100.0)


def test_target_of_the_fixed_piece_of_work() -> None:
    times = itertools.cycle([100.0] * 20 + [103.0] * 20)
    check = checks.control_change(lambda: next(times))
    assert check.target == 0.01
    assert isinstance(check.quantity, Value)
    assert check.quantity.n == 80
    assert check.quantity.value == pytest.approx(0.03, abs=0.001)  # up or down: a change is a change
    slow = itertools.count()
    drifting = checks.control_change(lambda: 100.0 * 1.001 ** next(slow))
    assert number(drifting.quantity) == pytest.approx(1.001**20 - 1, rel=0.01)  # a quarter of 80 apart


def test_targets_of_the_import(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []

    def costs(modules: Sequence[str], scratch: Path, processes: int = 7) -> list[ImportCost]:
        asked.append((list(modules), processes))
        return [ImportCost(name, 1e6 * place, 100.0 * place) for place, name in enumerate(["python", *modules], 1)]

    monkeypatch.setattr(checks, "import_costs", costs)
    time, memory = checks.worker_import(tmp_path)
    assert asked == [(["numpy", "harness.measure.worker.__main__"], 7)]
    assert (number(time.quantity), time.unit, time.target) == (3e6, "ns", 30e6)
    assert (number(memory.quantity), memory.unit, memory.target) == (300.0, "B", 15 * 2**20)

    measured = iter([[(0, 50), (90, 7)], [(0, 20), (30, 9)], [(0, 20), (40, 1)], [(0, 20), (50, 8)]])
    monkeypatch.setattr("harness.measure.selfcheck.perturbation._once", lambda modules, scratch: next(measured))
    bare, module = import_costs(["m"], tmp_path, processes=3)  # one process goes first and does not count
    assert (bare.rss_bytes, module.time_ns, module.rss_bytes) == (20, 30, 8)


def blocks(n: int, slower: float, drift: float = 0.0, block_ns: int = 50 * MS) -> Any:
    """`n` pairs off on on off .., samples of a millisecond, slower by a share within the blocks 'on'."""
    made = [Block(block_ns * i, block_ns * (i + 1), i % 4 in (1, 2)) for i in range(2 * n)]
    at = np.arange(0, 2 * n * block_ns, MS, dtype=np.int64)
    on = np.isin(at // block_ns % 4, (1, 2))
    wander = (1 + drift * np.sin(at / 1e9)) * np.exp(0.001 * np.random.default_rng(1).standard_normal(len(at)))
    return list(zip(made[::2], made[1::2], strict=True)), at, np.rint(1e5 * wander * (1 + slower * on)).astype(np.int64)


@pytest.mark.parametrize("slower", [0.0, 0.02, -0.02])
def test_target_of_the_sampler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, slower: float) -> None:
    pairs_, at, wall = blocks(200, slower)
    jobs: list[Job] = []

    def worker(job: Job, timeout_s: float, watch: Any) -> Answer:
        jobs.append(job)
        watch.__self__.pairs.extend(pairs_)
        return Answer({}, {"at_ns": at, "wall_ns": wall})

    monkeypatch.setattr(checks, "run_worker", worker)
    check = checks.sampler_cost(Workload(prepared("m"), 200), [], tmp_path)
    assert check.target == 0.005
    assert isinstance(check.quantity, Value)
    assert check.quantity.value == pytest.approx(slower, abs=0.001)
    assert check.quantity.n == 200
    assert jobs[0].loop is not None
    assert jobs[0].loop.min_ns == 200 * 2 * 50 * MS  # one process infers for as long as the pairs take


class Script:
    """An event that is set after so many waits, and how long each was asked to be."""

    def __init__(self, waits: int) -> None:
        self.waited_s: list[float] = []
        self._waits = waits

    def is_set(self) -> bool:
        return len(self.waited_s) >= self._waits

    def wait(self, seconds: float) -> bool:
        self.waited_s.append(seconds)
        return self.is_set()


def test_blocks_with_and_without_the_sampler_alternate_by_a_coin() -> None:
    state: list[bool] = []

    def switch_on() -> Callable[[], None]:
        state.append(True)
        return lambda: state.append(False)

    firsts: Counter[bool] = Counter()
    for seed in range(60):
        alternation, script = Alternation(switch_on, seed), Script(80)
        alternation._alternate(script)  # type: ignore[arg-type]
        assert script.waited_s == [0.05] * 80
        assert len(alternation.pairs) == 40
        for one, other in zip(alternation.pairs[::2], alternation.pairs[1::2], strict=True):
            assert [block.on for block in one] == [not block.on for block in other]
            assert one[0].on != one[1].on
        firsts.update(pair[0].on for pair in alternation.pairs[::2])
    assert state == [True, False] * (60 * 40)  # once on and off again in each pair
    assert firsts[True] == pytest.approx(600, abs=90)  # 5 standard deviations
    assert perturbation.BLOCK_NS == 50 * MS
    assert PARSER.parse_args(["selfcheck"]).pairs == 200


def test_the_slow_down_is_that_of_neighbouring_blocks() -> None:
    pairs_, at, wall = blocks(100, 0.01, drift=0.2)
    found = slowdown(pairs_, at, wall)
    assert isinstance(found, Value)
    assert found.lo is not None
    assert found.hi is not None
    assert found.lo < 0.01 < found.hi < 0.015

    def medians(state: bool) -> list[float]:
        chosen = [block for pair in pairs_ for block in pair if block.on is state]
        return [float(np.median(wall[(block.start_ns <= at) & (block.end_ns > at)])) for block in chosen]

    by_hand = ab(medians(False), medians(True), same_within=0.0)
    assert (found.value, found.lo, found.hi) == pytest.approx((by_hand.ratio - 1, by_hand.lo - 1, by_hand.hi - 1))

    few, at, wall = blocks(7, 0.0)
    thin = (at >= 50 * MS) | (at < 9 * MS)  # 9 samples in the first block
    alone = slowdown(few, at[thin], wall[thin])
    assert isinstance(alone, Value)
    assert alone.n == 6
    enough = slowdown(few, at[thin | (at == 9 * MS)], wall[thin | (at == 9 * MS)])
    assert isinstance(enough, Value)
    assert enough.n == 7
    assert isinstance(slowdown(few[:6], at[thin], wall[thin]), Missing)


def test_a_block_with_the_sampler_has_two_readings_of_every_sensor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Sensor:
        absent = ""

        def __init__(self, name: str, period_ns: int) -> None:
            self.name = name
            self.reads = 0
            self.channels = (Channel(name, "degC", period_ns=period_ns),)

        def read(self) -> list[Reading]:
            self.reads += 1
            return [Reading(self.name, self.reads, 1.0)]

        def close(self) -> None:
            pass

    sensors = [Sensor("fast", MS), Sensor("slow", 3600_000 * MS)]

    def worker(job: Job, timeout_s: float, watch: Any) -> WorkerFailure:
        off = watch.__self__.switch_on()  # as a block does, which ends before the sampler's next reading is due
        off()
        return CRASH

    monkeypatch.setattr(checks, "run_worker", worker)
    monkeypatch.setattr(checks, "Sampler", lambda sensors: Sampler(sensors, separate_process=False))
    check = checks.sampler_cost(Workload(prepared("m"), 200), sensors, tmp_path)
    assert isinstance(check.quantity, Missing)
    assert [sensor.reads for sensor in sensors] == [2, 2]
