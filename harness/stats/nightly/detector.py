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
"""(series, pairs) -> (a, b), process medians of the last good and of the new build; None if one cannot run."""


MAX_AB_ROUNDS = 2
"""Largest number of rounds of A/B per series and night; all pairs are tested together."""


class Detector:
    """The nightly detector. It has no state but its settings: the same arrays give the same verdicts."""

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
        """Return the verdicts of a night; a series without a finding has none.

        Args:
            history: Shape (series, nights, processes): process medians > 0 of one metric on one device, oldest night
                first, in any ratio-scale unit; NaN where a night or a process is missing.
            today: Shape (series, processes): tonight's process medians.
            rerun: Measures a suspicious series again in a fresh session.
            ab: Measures a suspicious series again in pairs with the last good build; preferred to `rerun`. Without
                either, the history decides.
            same_build: Shape (series,): true where artifact and runtime are those of the last good build. A change is
                then not one of the code: it is `transient` and not measured again. Where it is false and there is
                `ab`, the threshold of the screen is lower.
            since: Shape (series,): first night that counts, after a reset or an accepted step.

        Raises:
            ValueError: The arrays do not fit each other, or a value is not > 0.

        """
        values, common = remove_common_mode(self._log_values(history, today, since), self.settings)
        unchanged = _flags(same_build, len(values))
        to_pairs = same_build is not None and ab is not None
        screening = screen(values, self.settings, new_build=~unchanged & to_pairs)
        checks: dict[int, Confirmation] = {}
        for s in map(int, np.flatnonzero(screening.nights)):
            if unchanged[s]:
                checks[s] = confirmation.unconfirmed("same build", screening, s)
            else:
                checks[s] = self._remeasure(s, screening, common, rerun, ab)
        discovered = self._discoveries(checks)
        machine = [self._machine(common, rerun)] if common.is_event else []
        return machine + [self._verdict(s, screening, common, c, s in discovered) for s, c in checks.items()]

    def slow(self, history: npt.ArrayLike, since: npt.ArrayLike | None = None) -> list[Verdict]:
        """Return changes too slow for a single night: the last fortnight against the first one since `since`.

        They do not have to come from the code: seasons and ageing machines change series too.

        Args:
            history: As for `night`, tonight included.
            since: Shape (series,): the last reset of each series, or the night of a release; by default the first
                night.

        """
        nights = _positive("history", np.asarray(history), 3)
        values = night_values(self._oriented_logs(nights))
        first = _starts(since, len(values))
        return slow_changes(values, first, 1.0 if self.settings.better == "less" else -1.0, self.settings.fdr)

    def _log_values(self, history: npt.ArrayLike, today: npt.ArrayLike, since: npt.ArrayLike | None) -> FloatArray:
        """Return oriented logs of the night values that the screen needs, shape (series, nights), tonight last."""
        past, now = np.asarray(history), np.asarray(today)
        if past.ndim != 3 or now.ndim != 2 or len(past) != len(now):
            shapes = f"got {past.shape} and {now.shape}"
            raise ValueError(f"history (series, nights, processes), today (series, processes) expected, {shapes}")
        first = max(0, past.shape[1] - self.settings.baseline_nights - WEEK)
        nights = _positive("history", past[:, first:], 3)
        tonight = _positive("today", now, 2)
        both = np.column_stack((night_values(self._oriented_logs(nights)), night_values(self._oriented_logs(tonight))))
        starts = _starts(since, len(both))
        both[np.arange(first, first + both.shape[1]) < starts[:, None]] = np.nan
        return both

    def _oriented_logs(self, values: FloatArray) -> FloatArray:
        """Return logarithms in which more is worse."""
        logs = np.log(values)
        return logs if self.settings.better == "less" else -logs

    def _remeasure(
        self, s: int, screening: Screening, common: CommonMode, rerun: Rerun | None, ab: PairedRun | None
    ) -> Confirmation:
        """Measure series `s` again by the best means available."""
        check = self._by_pairs(s, screening, ab) if ab is not None else None
        if check is not None:
            return check
        if rerun is not None:
            return self._by_rerun(s, screening, common, rerun)
        return (
            confirmation.by_history(screening, s, self.settings)
            if ab is None
            else confirmation.unconfirmed("failed", screening, s)
        )

    def _by_pairs(self, s: int, screening: Screening, ab: PairedRun) -> Confirmation | None:
        """Decide by pairs, and if these are inconclusive by as many more: other load may have disturbed some."""
        check, measured = None, []
        while check is None or not (check.changed or check.refuted or len(measured) == MAX_AB_ROUNDS):
            if (pairs := ab(s, self.settings.pairs)) is None:
                break
            measured.append(pairs)
            a, b = (np.concatenate([np.asarray(batch[side]) for batch in measured]) for side in (0, 1))
            check = confirmation.by_ab(a, b, float(screening.shift[s]), self.settings)
        return check

    def _by_rerun(self, s: int, screening: Screening, common: CommonMode, rerun: Rerun) -> Confirmation:
        """Decide by the least extreme of the fresh sessions, which end with the first that does not confirm."""
        checks = []
        for _ in range(self.settings.reruns):
            if np.isnan(value := self._fresh_value(s, rerun)):
                return confirmation.unconfirmed("failed", screening, s)
            checks.append(confirmation.by_rerun(value - common.shift, screening, s, self.settings))
            if not checks[-1].changed:
                break
        return min(checks, key=lambda check: abs(check.shift) if check.changed else -1.0)

    def _fresh_value(self, s: int, rerun: Rerun) -> float:
        """Return the oriented log of the night value of a fresh session; NaN if it failed."""
        medians = rerun(s)
        if medians is None:
            return np.nan
        return float(
            night_values(self._oriented_logs(samples("rerun", np.atleast_1d(np.asarray(medians)), positive=True)))
        )

    def _machine(self, common: CommonMode, rerun: Rerun | None) -> Verdict:
        """Return the verdict on the common change, after measuring its representatives again if possible."""
        if rerun is None:
            return common.verdict(self.settings)
        return common.verdict(self.settings, {s: self._fresh_value(s, rerun) for s in common.representatives})

    def _discoveries(self, checks: dict[int, Confirmation]) -> set[int]:
        """Return the changed series that pass false discovery control over all second measurements of the night."""
        tested = [(s, c) for s, c in checks.items() if c.changed or c.refuted or c.means == "ab"]
        passing = benjamini_hochberg([c.p_value for _, c in tested], self.settings.fdr)
        return {s for (s, c), ok in zip(tested, passing, strict=True) if ok and c.changed}

    def _verdict(
        self, s: int, screening: Screening, common: CommonMode, check: Confirmation, discovered: bool
    ) -> Verdict:
        sign = 1.0 if self.settings.better == "less" else -1.0
        ratio, lo, hi = (float(np.exp(sign * x)) for x in (check.shift, check.lo, check.hi))
        level = float(screening.level[s])
        evidence = Evidence(
            means=check.means,
            before=float(np.exp(sign * level)),
            tonight=float(np.exp(sign * (level + screening.now[s]))),
            spread=1.96 * float(screening.scale[s]),
            baseline_nights=int(screening.baseline[s]),
            recent_nights=int(screening.lasting[s]),
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
    """Return the first night of each series that counts, by default 0."""
    starts = np.zeros(count, dtype=np.int64) if since is None else np.asarray(since, dtype=np.int64)
    if starts.shape != (count,):
        raise ValueError(f"since: one night a series expected, got shape {starts.shape} for {count} series")
    return starts


def _flags(same_build: npt.ArrayLike | None, count: int) -> BoolArray:
    flags = np.zeros(count, dtype=np.bool_) if same_build is None else np.asarray(same_build, dtype=np.bool_)
    if flags.shape != (count,):
        raise ValueError(f"same_build: one flag a series expected, got shape {flags.shape} for {count} series")
    return flags
