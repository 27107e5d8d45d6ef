"""How latency, accuracy and energy were measured, and how their intervals were computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness import stats
from harness.core.quality import TOP1
from harness.core.quantity import Value
from harness.core.record import Record, RunHeader
from harness.measure.presets import PROFILES, Profile, level
from reports.numbers import counted
from reports.recommend import is_scored

from .words import NOT_RECORDED, listed, of_all, ranged


def latency(header: RunHeader, records: Sequence[Record]) -> Iterator[str]:
    """Yield how latency was measured."""
    measured = [record for record in records if record.processes]
    if imported := [str(record.details["source"]) for record in records if record.details.get("source")]:
        yield (
            f"The figures of {of_all(len(imported), len(records), 'case')} are imported ({listed(imported)}): how they "
            f"were measured is {NOT_RECORDED}."
        )
    if not measured:
        yield "" if imported else "No latency was measured."
        return
    runs = [run for record in measured for run in record.processes]
    cases = "Each case" if len(measured) == len(records) else "Each measured case"
    processes = ranged([len(record.processes) for record in measured])
    yield (
        f"{cases} ran in {processes} fresh {'process' if processes == '1' else 'processes'} of the operating system "
        f"(profile {header.profile}), interleaved "
        "with the other cases of its model in a random order that was drawn anew for each round "
        f"(seed {header.seed})."
    )
    yield (
        f"A process left out {ranged([run.n_warmup for run in runs])} inferences as warm-up (those that the profile "
        "asks for, and those before the steady state that a change-point test found) and timed "
        f"{ranged([run.n_timed * run.calls_per_sample for run in runs])} inferences "
        f"({ranged([sum(run.n_timed * run.calls_per_sample for run in record.processes) for record in measured])} "
        "per case) with a monotonic clock, inputs in place and outputs ready."
    )
    if several := sorted({run.calls_per_sample for run in runs if run.calls_per_sample > 1}):
        yield f"Where inferences were very short, a sample is the mean of {ranged(several)} of them."
    cpus = [len(run.affinity) for run in runs]
    allowed = f"{ranged(cpus)} of the CPUs" if all(cpus) else f"CPUs whose number is {NOT_RECORDED}"
    yield f"A process was allowed {allowed}."
    overhead = header.harness_overhead_ns
    cost = f"{overhead.value:.0f} ns" if isinstance(overhead, Value) else f"{NOT_RECORDED} ({overhead.reason})"
    yield f"The timed loop itself, around a runtime that does nothing: {cost} per inference."


def intervals(header: RunHeader, records: Sequence[Record]) -> Iterator[str]:
    """Yield how the intervals of the median latency were computed, for the numbers of processes that occur."""
    counts = {len(record.processes) for record in records if record.processes}
    if not counts:
        return
    several = sorted(count for count in counts if count > 1)
    if several:
        yield "The latency of a case is the median over the medians of its processes."
    profile = PROFILES.get(header.profile)
    ordered = [count for count in several if _method(count, profile) == "order-statistic"]
    if ordered:
        yield (
            f"95 % intervals over {ranged(ordered)} processes are interpolated order statistics "
            "(Hettmansperger and Sheather 1986)."
        )
    if few := [count for count in several if count not in ordered]:
        yield (
            f"95 % intervals over {ranged(few)} processes are Student's t on logarithms, never narrower than the range."
        )
    if 1 in counts:
        cases = sum(len(record.processes) == 1 for record in records)
        yield f"{counted(cases, 'case')} ran in one process and {'has' if cases == 1 else 'have'} no interval."
    if profile and profile.max_processes > profile.processes and counts & set(stats.LOOKS):
        yield (
            "Measuring went on until the interval was as narrow as the profile asks for; the error of 5 % is spent "
            "over the planned looks (Lan and DeMets 1983)."
        )


def _method(processes: int, profile: Profile | None) -> str:
    """Return how the interval over as many processes is computed, which their number and its level decide."""
    confidence = level(processes, profile) if profile else 0.95
    return stats.median_interval([[1.0 + index] for index in range(processes)], confidence).method


def accuracy(records: Sequence[Record]) -> Iterator[str]:
    """Yield on how many images accuracy was measured, with its intervals."""
    scored = [record for record in records if is_scored(record)]
    if not scored:
        reasons = listed(sorted({record.missing(record.quality_name) or NOT_RECORDED for record in records}))
        yield f"Accuracy was not measured: {reasons}."
        return
    for kind in dict.fromkeys(record.quality_kind for record in scored):
        yield _quality([record for record in scored if record.quality_kind == kind], len(records))
    notes = dict.fromkeys(record.accuracy_note for record in scored if record.accuracy_note)
    yield from (f"Of the accuracy must be said: {note}." for note in notes)
    if any(record.value("top1_difference") is not None for record in scored):
        yield "Differences to fp32 on the same images have Tango's paired 95 % interval."


def _quality(scored: Sequence[Record], total: int) -> str:
    """Return on how many samples the quality of one task was measured, and what its interval is."""
    kind, classified = scored[0].quality_kind, scored[0].quality_name == TOP1.metric
    samples = [n for record in scored if (n := record.value("n_images" if classified else "n_samples")) is not None]
    noun = "images" if classified else "samples"
    sets = listed(record.case.dataset or f"the user's own {noun}" for record in scored)
    number = f"{ranged(samples)} labelled {noun}" if samples else f"a number of {noun} that is {NOT_RECORDED}"
    what, interval = ("Accuracy", "Wilson's") if classified else (kind.title, "a")
    return (
        f"{what} of {of_all(len(scored), total, 'case')} is that on {number} of {sets}, in a pass of its own, "
        f"with {interval} 95 % interval."
    )


def energy(records: Sequence[Record]) -> Iterator[str]:
    """Yield how energy was measured, or why it was not."""
    measured = [record for record in records if record.value("energy_gross_j") is not None]
    if not measured:
        reasons = {record.missing("energy_gross_j") or NOT_RECORDED for record in records if record.verdict.ran}
        yield f"Energy was not measured: {listed(sorted(reasons)) if reasons else 'no case ran'}."
        return
    details = [record.details.get("energy", {}) for record in measured]
    scopes, channels = _facts(details, "scope"), _facts(details, "channels")
    yield (
        f"Energy of {of_all(len(measured), len(records), 'case')} was measured in a pass of its own, between two idle "
        f"windows, with a sensor of the scope {scopes} (channels: {channels}); net energy is without the mean idle "
        "power, and the 95 % intervals are without the sensor's gain error."
    )
    if any(each.get("estimate") for each in details):
        yield "The board's power is an estimate from its parts."


def _facts(details: Sequence[dict[str, Any]], key: str) -> str:
    """Return every value of a key in the details, each once."""
    found: list[str] = []
    for each in details:
        value = each.get(key)
        found += [str(item) for item in value] if isinstance(value, (list, tuple)) else [str(value)] if value else []
    return listed(found) if found else NOT_RECORDED
