"""The nightly detector on planted changes: what it says, what it measures again, what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats.nightly import Detector, Evidence, Settings, Verdict, slow_losses
from harness.stats.nightly.confirmation import Confirmation
from harness.stats.nightly.screening import night_values, screen

NIGHTS = 80


def quiet(series: int = 1, nights: int = NIGHTS, seed: int = 0, sigma: float = 0.004) -> np.ndarray:
    """Process medians around 12 ms: nights scatter by sigma, 5 processes by half of it."""
    rng = np.random.default_rng(seed)
    level = sigma * rng.normal(size=(series, nights, 1)) + 0.5 * sigma * rng.normal(size=(series, nights, 5))
    return 0.012 * np.exp(level)


class Bench:
    """A machine that measures again: `ratio` is what the new build really is; it counts its calls."""

    def __init__(self, ratio: float, disturbed: float = 1.0) -> None:
        self.ratio, self.disturbed = ratio, disturbed
        self.rng = np.random.default_rng(5)
        self.asked: list[int] = []

    def _medians(self, count: int) -> np.ndarray:
        return 0.012 * self.disturbed * np.exp(0.003 * self.rng.normal(size=count))

    def ab(self, series: int, pairs: int) -> tuple[np.ndarray, np.ndarray]:
        self.asked.append(series)
        return self._medians(pairs), self.ratio * self._medians(pairs)

    def rerun(self, series: int) -> np.ndarray:
        self.asked.append(series)
        return self.ratio * self._medians(5)


def tonight(series: int = 1, ratio: float = 1.0, seed: int = 1) -> np.ndarray:
    today = quiet(series, 1, seed)[:, 0]
    today[0] *= ratio
    return today


# --- what it says


def test_a_quiet_night_has_no_verdicts_and_costs_nothing() -> None:
    bench = Bench(1.0)
    assert Detector().night(quiet(20), tonight(20), ab=bench.ab, rerun=bench.rerun) == []
    assert bench.asked == []


@pytest.mark.parametrize(("ratio", "kind"), [(1.05, "regression"), (0.93, "improvement")])
@pytest.mark.parametrize("means", ["ab", "rerun"])
def test_a_real_change_is_confirmed_the_first_night(ratio: float, kind: str, means: str) -> None:
    bench = Bench(ratio)
    (verdict,) = Detector().night(quiet(), tonight(ratio=ratio), **{means: getattr(bench, means)})
    assert (verdict.series, verdict.kind, verdict.evidence.means) == (0, kind, means)
    assert verdict.ratio == pytest.approx(ratio, abs=0.01)
    assert verdict.lo <= verdict.ratio <= verdict.hi
    assert verdict.p_value < 0.01


@pytest.mark.parametrize("means", ["ab", "rerun"])
def test_a_disturbed_night_is_transient(means: str) -> None:
    # the A/B runs in the disturbed session too, which makes both slower
    bench = Bench(1.0, disturbed=1.3 if means == "ab" else 1.0)
    (verdict,) = Detector().night(quiet(), tonight(ratio=1.3), **{means: getattr(bench, means)})
    assert verdict.kind == "transient"
    assert bench.asked == [0]


def test_two_sessions_must_agree_without_an_ab() -> None:
    answers = [0.0126 * np.ones(5), 0.012 * np.ones(5)]
    (verdict,) = Detector().night(quiet(), tonight(ratio=1.05), rerun=lambda _: answers.pop(0))
    assert verdict.kind == "transient"
    assert answers == []


def test_history_alone_waits_for_three_nights() -> None:
    series = quiet(nights=NIGHTS + 3)
    series[:, NIGHTS:] *= 1.06
    kinds = [[v.kind for v in Detector().night(series[:, :t], series[:, t])] for t in range(NIGHTS, NIGHTS + 3)]
    assert kinds[0] == ["inconclusive"]
    assert kinds[2] == ["regression"]


def test_a_failed_second_measurement_is_inconclusive() -> None:
    for offered in ({"ab": lambda series, pairs: None}, {"rerun": lambda series: None}):
        (verdict,) = Detector().night(quiet(), tonight(ratio=1.05), **offered)  # type: ignore[arg-type]
        assert (verdict.kind, verdict.evidence.means) == ("inconclusive", "failed")


def test_a_noisy_ab_is_inconclusive() -> None:
    rng = np.random.default_rng(6)
    wild = lambda series, pairs: tuple(0.012 * np.exp(0.3 * rng.normal(size=(2, pairs))))  # noqa: E731
    (verdict,) = Detector().night(quiet(), tonight(ratio=1.05), ab=wild)
    assert verdict.kind == "inconclusive"
    assert verdict.lo < 1 < verdict.hi


def test_pairs_that_leave_it_open_are_followed_by_as_many() -> None:
    rng, asked = np.random.default_rng(7), []

    def disturbed(series: int, pairs: int) -> tuple[np.ndarray, np.ndarray]:
        """The first pairs ran beside something else."""
        asked.append(pairs)
        noise = 0.05 if len(asked) == 1 else 0.003
        a, b = 0.012 * np.exp(noise * rng.normal(size=(2, pairs)))
        return a, 1.05 * b

    (verdict,) = Detector().night(quiet(), tonight(ratio=1.05), ab=disturbed)
    assert asked == [20, 20]
    assert (verdict.kind, verdict.evidence.pairs) == ("regression", 40)


@pytest.mark.parametrize(("same_build", "kinds"), [(None, []), ([False], ["regression"])])
def test_a_build_known_to_be_new_is_looked_at_closely(same_build: list[bool] | None, kinds: list[str]) -> None:
    """5 % within nights that scatter by 3 %: nothing to wake anybody for, unless there is a reason to look."""
    restless, bench = quiet(sigma=0.03), Bench(1.05)
    usual = np.median(np.sort(restless, axis=-1)[..., 1], axis=1)
    found = Detector().night(restless, 1.05 * np.tile(usual[:, None], 5), ab=bench.ab, same_build=same_build)
    assert [verdict.kind for verdict in found] == kinds


@pytest.mark.parametrize("nights", [1, 3])
def test_the_same_build_cannot_regress(nights: int) -> None:
    bench, series = Bench(1.06), quiet(nights=NIGHTS + nights)
    series[:, NIGHTS:] *= 1.06
    (verdict,) = Detector().night(series[:, :-1], series[:, -1], rerun=bench.rerun, ab=bench.ab, same_build=[True])
    assert (verdict.kind, verdict.evidence.recent_nights) == ("transient", nights)
    assert "same hash: yes" in verdict.sentence()
    assert bench.asked == [], "a night of it helps nobody; the weekly pass tells what stays"


@pytest.mark.parametrize("nights", [1, 2, 3, 4, 7])
def test_a_verdict_says_since_how_many_nights_and_how_much(nights: int) -> None:
    """The median of two nights lies half a step up when only tonight is; that is neither 'for 2 nights' nor half."""
    series = quiet(nights=NIGHTS + nights)
    series[:, NIGHTS:] *= 1.10
    (verdict,) = Detector().night(series[:, :-1], series[:, -1])
    assert verdict.evidence.recent_nights == nights
    assert verdict.evidence.tonight / verdict.evidence.before == pytest.approx(1.10, abs=0.01)
    assert verdict.ratio == pytest.approx(1.10, abs=0.01)


@pytest.mark.parametrize(("still", "kind"), [(1.04, "environment"), (1.01, "transient"), (0.96, "transient")])
def test_a_machine_is_blamed_for_what_it_does_again(still: float, kind: str) -> None:
    bench = Bench(still)
    (machine,) = Detector().night(quiet(20), 1.04 * tonight(20), rerun=bench.rerun)
    assert (machine.series, machine.kind, len(set(bench.asked))) == (None, kind, 3)
    assert machine.evidence.confirmed == pytest.approx(still, abs=0.006)
    assert "measured again: " in machine.sentence()


def test_a_machine_that_cannot_be_measured_again_is_told_of() -> None:
    (machine,) = Detector().night(quiet(20), 1.04 * tonight(20), rerun=lambda _: None)
    assert (machine.kind, machine.evidence.confirmed) == ("environment", None)


def test_a_machine_that_lasts_says_for_how_long() -> None:
    series = quiet(20, nights=NIGHTS + 3)
    series[:, NIGHTS:] *= 1.05
    (machine,) = Detector().night(series[:, :-1], series[:, -1])
    assert (machine.kind, machine.evidence.recent_nights) == ("environment", 3)


def test_what_all_series_do_is_one_environment_event() -> None:
    bench = Bench(1.08)
    today = 1.04 * tonight(20)
    today[3] *= 1.08
    machine, one = Detector().night(quiet(20), today, ab=bench.ab)
    assert (machine.series, machine.kind) == (None, "environment")
    assert "->" not in machine.sentence()
    assert machine.ratio == pytest.approx(1.04, abs=0.003)
    assert (one.series, one.kind) == (3, "regression")
    assert one.evidence.common == pytest.approx(0.04, abs=0.003)


@pytest.mark.parametrize("unmeasured", [0, 20])
def test_two_of_four_series_are_no_common_mode(unmeasured: int) -> None:
    bench = Bench(1.06)
    history, today = quiet(4 + unmeasured), tonight(4 + unmeasured)
    today[:2] *= 1.06
    history[4:, 10:], today[4:] = np.nan, np.nan
    assert [v.kind for v in Detector().night(history, today, ab=bench.ab)] == ["regression"] * 2


def test_more_is_better_for_throughput() -> None:
    detector = Detector(Settings(better="more"))
    history, today = 1 / quiet(), 1 / tonight(ratio=1.06)
    slower = lambda series, pairs: (np.full(pairs, 83.0) + np.arange(pairs) / 99, np.full(pairs, 78.0))  # noqa: E731
    (verdict,) = detector.night(history, today, ab=slower)
    assert verdict.kind == "regression"
    assert verdict.ratio == pytest.approx(78 / 83, abs=0.005)
    assert verdict.evidence.pairs_worse == 20
    assert verdict.evidence.before == pytest.approx(83, abs=1.5)


def test_a_step_of_long_ago_is_not_news() -> None:
    bench = Bench(1.0)
    history = quiet()
    history[:, -12:] *= 1.05
    assert Detector().night(history, tonight(ratio=1.05), ab=bench.ab) == []


def test_an_accepted_step_resets_the_baseline() -> None:
    history = quiet()
    history[:, -20:] *= 1.05
    today = tonight(ratio=1.05 * 1.04)
    bench = Bench(1.04)
    (verdict,) = Detector().night(history, today, ab=bench.ab, since=[NIGHTS - 20])
    assert verdict.kind == "regression"
    assert verdict.evidence.before == pytest.approx(0.0126, rel=0.01)


def test_missing_nights_and_processes_are_stepped_over() -> None:
    history = quiet(3)
    history[:, 10:40:3] = np.nan
    history[:, 1::4, 0] = np.nan
    today = tonight(3, 1.05)
    today[1] = np.nan
    today[0, 2:] = np.nan
    verdicts = Detector().night(history, today, ab=Bench(1.05).ab)
    assert [(v.series, v.kind) for v in verdicts] == [(0, "regression")]


@pytest.mark.parametrize("nights", [0, 1, 4])
def test_without_history_nothing_is_said(nights: int) -> None:
    assert Detector().night(quiet(nights=nights), tonight(ratio=2.0), ab=Bench(2.0).ab) == []


def test_a_young_series_is_judged_by_tonight() -> None:
    (verdict,) = Detector().night(quiet(nights=8), tonight(ratio=1.1), ab=Bench(1.1).ab)
    assert (verdict.kind, verdict.evidence.recent_nights) == ("regression", 1)


def test_a_night_of_many_suspects_controls_false_discoveries() -> None:
    """All of 40 series look 8 % off, one truly is: the A/B of the others is noise."""
    history, today = quiet(40), tonight(40)
    today[::2] *= 1.08
    benches = {s: Bench(1.08 if s == 0 else 1.0) for s in range(40)}
    verdicts = Detector(Settings(common_series=1000)).night(
        history, today, ab=lambda series, pairs: benches[series].ab(series, pairs)
    )
    assert [v.series for v in verdicts if v.kind == "regression"] == [0]
    assert len(verdicts) == 20


@pytest.mark.parametrize(("others", "found"), [(0, {0}), (99, set())])
def test_one_of_a_hundred_second_measurements_must_be_surer_than_one_alone(others: int, found: set[int]) -> None:
    sure = Confirmation("ab", 0.05, 0.01, 0.09, 0.002, changed=True)
    checks = {0: sure} | {s: replace(sure, p_value=0.5, changed=False, refuted=True) for s in range(1, others + 1)}
    assert Detector()._discoveries(checks) == found


def test_a_session_of_tonight_is_judged_less_what_all_series_did() -> None:
    """All series are 5 % off, one of them 10 % more; measured again it is as the others are."""
    today = 1.05 * tonight(20)
    today[0] *= 1.1
    verdicts = Detector().night(quiet(20), today, rerun=lambda _: 1.05 * 0.012 * np.ones(5))
    assert [v.kind for v in verdicts if v.series == 0] == ["transient"]


def test_a_session_that_goes_the_other_way_confirms_nothing() -> None:
    (verdict,) = Detector().night(quiet(), tonight(ratio=1.05), rerun=lambda _: 0.95 * 0.012 * np.ones(5))
    assert verdict.kind == "transient"


@pytest.mark.parametrize("ratio", [0.96, 1.04])
def test_a_machine_that_became_faster_is_told_as_one_that_became_slower(ratio: float) -> None:
    (machine,) = Detector().night(quiet(20), ratio * tonight(20))
    assert (machine.series, machine.kind) == (None, "environment")
    assert machine.ratio == pytest.approx(ratio, abs=0.003)


def test_no_rank_p_value_is_zero() -> None:
    """Of n nights none was so slow: that is 1 in n + 1."""
    values = np.log(night_values(np.concatenate([quiet(), 1.5 * quiet(nights=1)], axis=1)))
    found = screen(values, Settings(), np.zeros(1, dtype=np.bool_))
    assert found.p[0] == pytest.approx(1 / (1 + found.baseline[0]))


# --- slow changes


def test_a_slow_loss_is_found_and_a_quiet_series_is_not() -> None:
    history = quiet(2, 200)
    history[0] *= (1 + 0.05 * np.arange(200) / 199)[:, None]
    (verdict,) = Detector().slow(history)
    assert (verdict.series, verdict.kind, verdict.evidence.means) == (0, "regression", "slow")
    assert verdict.ratio == pytest.approx(1.047, abs=0.006)
    assert verdict.lo < verdict.ratio < verdict.hi


def test_nights_that_depend_on_each_other_are_worth_less() -> None:
    """Of 300 levels that wander to and fro, and lose nothing, hardly more intervals than 5 % may leave 1 out."""
    rng = np.random.default_rng(8)
    levels = np.zeros((300, 120))
    for night in range(1, 120):
        levels[:, night] = 0.7 * levels[:, night - 1] + 0.01 * rng.normal(size=300)
    verdicts = [slow_losses._test(row, 1.0) for row in levels]
    assert np.mean([not verdict.lo <= 1 <= verdict.hi for verdict in verdicts if verdict]) < 0.1


def test_cumulative_since_a_release() -> None:
    history = quiet(1, 120)
    for night in (70, 80, 90):
        history[:, night:] *= 1.01
    (verdict,) = Detector().slow(history, since=[50])
    assert verdict.ratio == pytest.approx(1.03, abs=0.006)
    assert Detector().slow(history, since=[95]) == []


# --- words and numbers


def test_the_sentence_holds_the_numbers() -> None:
    evidence = Evidence("ab", 0.0121, 0.0127, 0.009, 45, 1, pairs=20, pairs_worse=19)
    verdict = Verdict(7, "regression", 1.048, 1.039, 1.056, 1e-5, evidence)
    assert verdict.sentence("ms", 1000) == (
        "+4.8 % [+3.9, +5.6]; 12.1 -> 12.7 ms; last 45 nights +-0.9 %; A/B 19/20 pairs worse"
    )
    again = replace(evidence, means="rerun", pairs=0, confirmed=0.0126, recent_nights=3, common=0.02)
    text = replace(verdict, evidence=again).sentence("ms", 1000)
    assert "for 3 nights; measured again: 12.6 ms; no A/B" in text
    assert "all series moved by +2.0 %" in text


def test_the_value_of_a_night_ignores_slow_minorities() -> None:
    assert night_values(np.array([1.0, 9.0, 1.1, 9.0, 9.0])) == 1.1
    assert night_values(np.array([9.0, np.nan, 1.0, np.nan, np.nan])) == 1.0
    assert np.isnan(night_values(np.array([np.nan, np.nan])))


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(0, 70))
def test_any_night_gives_finite_verdicts(seed: int, series: int, nights: int) -> None:
    rng = np.random.default_rng(seed)
    history = 0.01 * np.exp(0.2 * rng.normal(size=(series, nights, 3)))
    history[rng.random(history.shape) < 0.2] = np.nan
    today = 0.01 * np.exp(0.5 * rng.normal(size=(series, 3)))
    for verdict in Detector().night(history, today, rerun=lambda _: 0.01 * np.exp(rng.normal(size=3))):
        assert np.all(np.isfinite([verdict.ratio, verdict.lo, verdict.hi, verdict.p_value]))
        assert verdict.lo <= verdict.ratio <= verdict.hi
        assert 0 <= verdict.p_value <= 1
        assert verdict.sentence()


# --- what it refuses


@pytest.mark.parametrize(
    ("history", "today", "options", "message"),
    [
        (np.ones((2, 5, 3)), np.ones((1, 3)), {}, "history"),
        (np.ones((2, 5)), np.ones((2, 3)), {}, "history"),
        (np.ones((2, 5, 3)), np.zeros((2, 3)), {}, "today: values > 0"),
        (-np.ones((2, 5, 3)), np.ones((2, 3)), {}, "history: values > 0"),
        (np.ones((2, 5, 3)), np.full((2, 3), np.inf), {}, "today"),
        (np.ones((2, 5, 3)), np.ones((2, 3)), {"since": [0]}, "since"),
        (np.ones((2, 5, 3)), np.ones((2, 3)), {"same_build": [True]}, "same_build"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    history: np.ndarray, today: np.ndarray, options: dict[str, list[int]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Detector().night(history, today, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", [[], [np.nan], [0.01, -1.0]])
def test_a_bad_second_measurement_is_refused(answer: list[float]) -> None:
    with pytest.raises(ValueError, match="rerun"):
        Detector().night(quiet(), tonight(ratio=1.05), rerun=lambda _: np.array(answer))


@pytest.mark.parametrize(
    "settings",
    [
        {"better": "most"},
        {"recent_nights": (2, 3)},
        {"recent_nights": ()},
        {"fdr": 0.0},
        {"min_effect": -0.1},
        {"pairs": 3},
        {"baseline_nights": 5},
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Settings(**settings)  # type: ignore[arg-type]
