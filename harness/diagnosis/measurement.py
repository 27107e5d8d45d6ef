"""What puts the figure itself in doubt: the machine's state and links, caches, and figures others have published."""

from __future__ import annotations

from collections.abc import Mapping

from .plausibility import Band, band
from .situation import Explanation, Situation, milliseconds, percent


def untrusted(situation: Situation) -> Explanation | None:
    """The verdict says that the figures may not be compared."""
    verdict = situation.record.verdict
    if verdict.trusted:
        return None
    figures = not (verdict.failed or verdict.status == "unsupported")
    grave = [each for each in situation.record.findings if each.status in ("fail", "warn")]
    checks = "; ".join(f"{each.check}: {each.found}" for each in grave)
    remedies = [each.remedy for each in grave if each.remedy]
    return Explanation(
        f"verdict-{verdict.status}",
        "warn",
        "; ".join(part for part in (verdict.reason, checks) if part),
        "the figures are not the net's alone" if figures else "there are no figures",
        "; ".join(part for part in (verdict.remedy, *remedies) if part),
    )


def usb2_link(situation: Situation) -> Explanation | None:
    """An accelerator behind a link a tenth as fast as the one it is made for."""
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
    """Repeating one input is much faster than inputs in rotation: MLPerf's compliance test TEST04."""
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


def far_from_published(situation: Situation) -> Explanation | None:
    """Outside of what others published for this net on this board."""
    latency, case = situation.latency, situation.record.case
    version = str(situation.record.runtime_info.get("version", ""))
    found = band(situation.published, case.runtime, version, case.threads)
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


def _said(found: Band) -> str:
    values = [each.latency_ns for each in found.references]
    span = milliseconds(min(values))
    span += f" to {milliseconds(max(values))}" if len(set(values)) > 1 else ""
    whose = "the same runtime" if found.same_runtime else ", ".join(sorted({each.runtime for each in found.references}))
    return f"published: {span} by {whose} ({found.references[0].source})"
