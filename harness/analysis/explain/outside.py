"""What puts the figure itself in doubt: the machine's state, and figures others have published."""

from __future__ import annotations

from harness.analysis.plausible import Band, band

from .situation import Explanation, Situation, milliseconds


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
