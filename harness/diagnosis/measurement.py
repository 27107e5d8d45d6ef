"""Rules about the measurement itself: the machine's state, links, caches, threads and the first inference."""

from __future__ import annotations

from collections.abc import Mapping

from harness.core.verdict import TIMED, spoiled

from .plausibility import PlausibleRange, plausible_range
from .situation import Explanation, Situation, milliseconds, percent


def untrusted(situation: Situation) -> Explanation | None:
    """Report a verdict that makes figures unfit for comparison."""
    verdict = situation.record.verdict
    if situation.record.trusts(TIMED):
        return None
    grave = [each for each in situation.record.findings if each.status in ("fail", "warn")]
    checks = "; ".join(f"{each.check}: {each.found}" for each in grave)
    remedies = [each.remedy for each in grave if each.remedy]
    return Explanation(
        f"verdict-{verdict.status}",
        "warn",
        "; ".join(part for part in (verdict.reason, checks) if part),
        f"not to be relied on: {spoiled(verdict.status)}" if verdict.ran else "there are no figures",
        "; ".join(part for part in (verdict.remedy, *remedies) if part),
    )


def usb2_link(situation: Situation) -> Explanation | None:
    """Report an accelerator behind a link a tenth as fast as the one it is made for."""
    links = (each for each in situation.record.findings if each.check == "usb_link" and each.status == "warn")
    link = next(links, None)
    if link is None or "edgetpu" not in situation.record.case.runtime:
        return None
    return Explanation(
        "usb2-link",
        "warn",
        link.found,
        "inputs, outputs, and weights that outgrow the accelerator's 8 MiB cross a USB 2 link at every inference",
        link.remedy,
    )


def repeated_input(situation: Situation) -> Explanation | None:
    """Report that one input repeated is much faster than inputs in rotation (MLPerf's compliance test TEST04)."""
    same = situation.record.details.get("same_input")
    if not isinstance(same, Mapping) or same["held"]:
        return None
    return Explanation(
        "repeated-input",
        "warn",
        f"one input repeated takes {percent(same['ratio'])} of what inputs in rotation take, "
        f"less than the {percent(same['at_least'])} of MLPerf's TEST04",
        "something between the caller and the net remembers inputs or results",
        "look for a cache in the runtime or driver: one that holds all of the rotation spoils the figure",
    )


def input_dependence(situation: Situation) -> Explanation | None:
    """Report a time that depends on the input."""
    return _found(situation, "input_dependence", "no single figure stands for all inputs")


def memory_growth(situation: Situation) -> Explanation | None:
    """Report memory that grows with every inference."""
    return _found(situation, "memory_growth", "the peak in the table is that of so many inferences, more take more")


def denormal_numbers(situation: Situation) -> Explanation | None:
    """Report time spent on numbers near zero."""
    return _found(situation, "denormals", "processors need many times as long for numbers below 1.2e-38 (denormals)")


def _found(situation: Situation, check: str, conclusion: str) -> Explanation | None:
    """Explain a finding about time or memory, if the record has it."""
    finding = next((each for each in situation.record.time_findings if each.check == check), None)
    if finding is None:
        return None
    return Explanation(check.replace("_", "-"), "warn", finding.found, conclusion, finding.remedy)


def far_from_published(situation: Situation) -> Explanation | None:
    """Report a latency outside the range that published figures for this net and board allow."""
    latency, case = situation.latency, situation.record.case
    version = str(situation.record.runtime_info.get("version", ""))
    found = plausible_range(situation.published, case.runtime, version, case.threads)
    if latency is None or found is None or found.lo_ns <= latency.value <= found.hi_ns:
        return None
    slower, remedy = latency.value > found.hi_ns, "check that it is the same net and input size"
    if slower:
        remedy = "compare threads, clock, cooling and the build of the runtime"
    return Explanation(
        "far-from-published",
        "warn",
        f"{milliseconds(latency.value)}; {_said(found)}",
        f"{'slower' if slower else 'faster'} than published figures make likely",
        remedy,
    )


def _said(found: PlausibleRange) -> str:
    values = [each.latency_ns for each in found.references]
    span = milliseconds(min(values))
    span += f" to {milliseconds(max(values))}" if len(set(values)) > 1 else ""
    whose = "the same runtime" if found.same_runtime else ", ".join(sorted({each.runtime for each in found.references}))
    return f"published: {span} by {whose} ({found.references[0].source})"


SLOW_START = 3.0


def one_thread(situation: Situation) -> Explanation | None:
    """Report a single thread on a processor with several cores."""
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


def one_signature(situation: Situation) -> Explanation | None:
    """Report that a model has other entry points than the one that was measured."""
    found = next((one for one in situation.record.execution.findings if one.check == "signatures"), None)
    if found is None:
        return None
    return Explanation(
        "signatures", "info", found.found, "the model has entry points that no figure is of", found.remedy
    )


def first_inference(situation: Situation) -> Explanation | None:
    """Report a first inference that is far slower than the later ones."""
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
