"""Circumstances: how many threads, and how it starts."""

from __future__ import annotations

from .situation import Explanation, Situation, milliseconds

SLOW_START = 3.0


def one_thread(situation: Situation) -> Explanation | None:
    """One thread on a processor with several cores."""
    case, cores = situation.record.case, situation.host.get("cores") or 1
    if case.threads != 1 or cores < 2 or not situation.on_cpu:
        return None
    more = [each.case.threads for each in situation.others if each.case.model == case.model and each.case.threads > 1]
    several = situation.sibling(threads=max(more)) if more else None
    latency = situation.latency
    said = f"1 of {cores} cores"
    if several is not None and latency is not None:
        other = several.value("latency_p50_ns") or 0.0
        said += f"; with {several.case.threads} threads {milliseconds(other)} instead of {milliseconds(latency.value)}"
    return Explanation(
        "one-thread",
        "info",
        said,
        "one inference uses a single core: right for comparing settings and for several streams, slower for one",
        f"--threads {cores} for the shortest time of one inference",
    )


def first_inference(situation: Situation) -> Explanation | None:
    """The first inference is far slower than the later ones."""
    first, latency = situation.record.value("first_inference_ns"), situation.latency
    if first is None or latency is None or first < SLOW_START * latency.value:
        return None
    return Explanation(
        "first-inference",
        "info",
        f"the first inference takes {milliseconds(first)}, the median {milliseconds(latency.value)}: "
        f"{first / latency.value:.1f} times as long",
        "the runtime packs weights and allocates when it is first used",
        "infer once before the first real input; timings that include the first inference are too long",
    )
