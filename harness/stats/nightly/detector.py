"""One night: common mode, screen, second measurement, false discovery rate, verdicts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from harness.stats import benjamini_hochberg
from harness.stats.validation import BoolArray, FloatArray, IntArray, numbers, samples

from . import confirmation
from .common_mode import CommonMode, remove_common_mode
from .confirmation import Confirmation
from .screening import WEEK, Screening, night_values, screen
from .settings import Evidence, Kind, Settings, Verdict
from .slow_losses import slow_changes

Rerun = Callable[[int], "npt.ArrayLike | None"]
"""(series) -> process medians of a fresh session of the same build; None where that failed."""

PairedRun = Callable[[int, int], "tuple[npt.ArrayLike, npt.ArrayLike] | None"]
"""(series, pairs) -> (a, b), process medians of the last good and of the new build; None where it cannot be had."""


MOST_AB = 2
"""How often a series is put to A/B in a night, all pairs being judged together."""


class Detector:
    """The nightly detector. It keeps its settings and nothing else: the same arrays give the same verdicts."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()

    def night(
        self,
        history: npt.ArrayLike,
        today: npt.ArrayLike,
        *,
        rerun: Rerun | None = None,
        ab: PairedRun | None = None,
        same_build: npt.ArrayLike | None = None,
        since: npt.ArrayLike | None = None,
    ) -> list[Verdict]:
        """Return what is to be said of tonight; a series without a finding has no verdict.

        history: (series, nights, processes), process medians > 0 of one metric on one device, oldest night
        first; NaN where a night or a process is missing. today: (series, processes). Seconds, joules or any
        other unit in which ratios mean something. rerun, ab: how to measure a suspicious series again; `ab` is
        preferred, then `rerun`, then the history alone must do. same_build: (series,) true where artifact and
        runtime hashes are those of the last good build: it cannot be the code, is `transient` and not measured
        again; `slow` tells what stays. Where it is false the build is known to be another, and with `ab` looked at
        more closely. since: (series,) first night that counts, after a declared reset or an accepted step.

        Raises ValueError for arrays that do not fit each other, and for values that are not > 0.
        """
        values, common = remove_common_mode(self._log_values(history, today, since), self.settings)
        unchanged = _flags(same_build, len(values))
        to_pairs = same_build is not None and ab is not None
        found = screen(values, self.settings, new_build=~unchanged & to_pairs)
        checks: dict[int, Confirmation] = {}
        for s in map(int, np.flatnonzero(found.nights)):
            if unchanged[s]:
                checks[s] = confirmation.unconfirmed("same build", found, s)
            else:
                checks[s] = self._measure_again(s, found, common, rerun, ab)
        discovered = self._discoveries(checks)
        machine = [self._machine(common, rerun)] if common.is_event else []
        return machine + [self._verdict(s, found, common, c, s in discovered) for s, c in checks.items()]

    def slow(self, history: npt.ArrayLike, since: npt.ArrayLike | None = None) -> list[Verdict]:
        """Return what no single night shows: the last fortnight against the first one since night `since`.

        history as for `night`, tonight included. For the weekly pass `since` is the last reset of each series (default:
        the first night), for 'cumulative since release' the night of the release. It says what has
        moved, not why: seasons and ageing machines move series too.
        """
        nights = _positive("history", np.asarray(history), 3)
        values = night_values(self._turned(nights))
        first = _starts(since, len(values))
        return slow_changes(values, first, 1.0 if self.settings.better == "less" else -1.0, self.settings.fdr)

    def _log_values(self, history: npt.ArrayLike, today: npt.ArrayLike, since: npt.ArrayLike | None) -> FloatArray:
        """Return turned logs of the night values, (series, nights + 1): the nights the screen needs, tonight last."""
        past, now = np.asarray(history), np.asarray(today)
        if past.ndim != 3 or now.ndim != 2 or len(past) != len(now):
            shapes = f"got {past.shape} and {now.shape}"
            raise ValueError(f"history (series, nights, processes), today (series, processes) expected, {shapes}")
        first = max(0, past.shape[1] - self.settings.baseline_nights - WEEK)
        nights = _positive("history", past[:, first:], 3)
        tonight = _positive("today", now, 2)
        both = np.column_stack((night_values(self._turned(nights)), night_values(self._turned(tonight))))
        starts = _starts(since, len(both))
        both[np.arange(first, first + both.shape[1]) < starts[:, None]] = np.nan
        return both

    def _turned(self, values: FloatArray) -> FloatArray:
        """Return logarithms in which more is worse."""
        logs = np.log(values)
        return logs if self.settings.better == "less" else -logs

    def _measure_again(
        self, s: int, found: Screening, common: CommonMode, rerun: Rerun | None, ab: PairedRun | None
    ) -> Confirmation:
        """Measure series `s` a second time by the best means offered."""
        check = self._compared(s, found, ab) if ab is not None else None
        if check is not None:
            return check
        if rerun is not None:
            return self._rerun(s, found, common, rerun)
        return (
            confirmation.by_history(found, s, self.settings)
            if ab is None
            else confirmation.unconfirmed("failed", found, s)
        )

    def _compared(self, s: int, found: Screening, ab: PairedRun) -> Confirmation | None:
        """Judge by pairs, and where these leave it open, by as many again: other work may have burst into some."""
        check, measured = None, []
        while check is None or not (check.changed or check.refuted or len(measured) == MOST_AB):
            if (pairs := ab(s, self.settings.pairs)) is None:
                break
            measured.append(pairs)
            a, b = (np.concatenate([np.asarray(each[side]) for each in measured]) for side in (0, 1))
            check = confirmation.by_ab(a, b, float(found.shift[s]), self.settings)
        return check

    def _rerun(self, s: int, found: Screening, common: CommonMode, rerun: Rerun) -> Confirmation:
        """Judge by fresh sessions, one after another until one does not confirm; by the one nearest to normal."""
        checks = []
        for _ in range(self.settings.reruns):
            if np.isnan(value := self._again(s, rerun)):
                return confirmation.unconfirmed("failed", found, s)
            checks.append(confirmation.by_rerun(value - common.shift, found, s, self.settings))
            if not checks[-1].changed:
                break
        return min(checks, key=lambda check: abs(check.shift) if check.changed else -1.0)

    def _again(self, s: int, rerun: Rerun) -> float:
        """The turned log of a fresh session's night value, NaN where it failed."""
        medians = rerun(s)
        if medians is None:
            return np.nan
        return float(night_values(self._turned(samples("rerun", np.atleast_1d(np.asarray(medians)), positive=True))))

    def _machine(self, common: CommonMode, rerun: Rerun | None) -> Verdict:
        """What all series did, unless the ones that moved most like all do not show it again."""
        if rerun is None:
            return common.verdict(self.settings)
        return common.verdict(self.settings, {s: self._again(s, rerun) for s in common.witnesses})

    def _discoveries(self, checks: dict[int, Confirmation]) -> set[int]:
        """Return the changed series that pass false discovery control over all second measurements of the night."""
        judged = [(s, c) for s, c in checks.items() if c.changed or c.refuted or c.means == "ab"]
        passing = benjamini_hochberg([c.p_value for _, c in judged], self.settings.fdr)
        return {s for (s, c), ok in zip(judged, passing, strict=True) if ok and c.changed}

    def _verdict(self, s: int, found: Screening, common: CommonMode, check: Confirmation, discovered: bool) -> Verdict:
        sign = 1.0 if self.settings.better == "less" else -1.0
        ratio, lo, hi = (float(np.exp(sign * x)) for x in (check.shift, check.lo, check.hi))
        level = float(found.level[s])
        evidence = Evidence(
            means=check.means,
            before=float(np.exp(sign * level)),
            tonight=float(np.exp(sign * (level + found.now[s]))),
            spread=1.96 * float(found.scale[s]),
            baseline_nights=int(found.baseline[s]),
            recent_nights=int(found.lasting[s]),
            common=float(np.expm1(sign * common.shift)),
            confirmed=None if check.value is None else float(np.exp(sign * check.value)),
            pairs=check.pairs,
            pairs_worse=check.pairs_worse,
        )
        return Verdict(s, _kind(check, discovered), ratio, min(lo, hi), max(lo, hi), check.p_value, evidence)


def _kind(check: Confirmation, discovered: bool) -> Kind:
    if discovered:
        return "regression" if check.shift > 0 else "improvement"
    return "transient" if check.refuted or check.means == "same build" else "inconclusive"


def _positive(name: str, values: npt.ArrayLike, ndim: int) -> FloatArray:
    array = numbers(name, values, ndim, allow_nan=True)
    if (array <= 0).any():
        raise ValueError(f"{name}: values > 0 expected (NaN: not measured), got {array.min()}")
    return array


def _starts(since: npt.ArrayLike | None, count: int) -> IntArray:
    """The first night of each series that counts, 0 where nothing is said."""
    starts = np.zeros(count, dtype=np.int64) if since is None else np.asarray(since, dtype=np.int64)
    if starts.shape != (count,):
        raise ValueError(f"since: one night a series expected, got shape {starts.shape} for {count} series")
    return starts


def _flags(same_build: npt.ArrayLike | None, count: int) -> BoolArray:
    flags = np.zeros(count, dtype=np.bool_) if same_build is None else np.asarray(same_build, dtype=np.bool_)
    if flags.shape != (count,):
        raise ValueError(f"same_build: one flag a series expected, got shape {flags.shape} for {count} series")
    return flags
