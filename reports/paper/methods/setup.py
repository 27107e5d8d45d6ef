"""What was measured, with which versions, and on which machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.core.record import Record, RunHeader
from harness.core.verdict import Finding
from reports.labels import load_of
from reports.numbers import counted

from .words import NOT_RECORDED, listed

CITATION = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands where a format cites edgebench."""

_GIB = 1 << 30
_SETTINGS = {"governor": "frequency governor", "turbo": "turbo", "power_mode": "power mode", "smt": "SMT"}
"""Checks whose findings are settings of the processor, with their names."""


def sentences(header: RunHeader, records: Sequence[Record]) -> Iterator[str]:
    """Yield what was measured, with what, and where."""
    yield _cases(header, records)
    yield _runtimes(header, records)
    yield _machine(header.host)
    yield _system(header.host, header.provenance)
    yield _processor(header.findings)
    yield from _warnings(header.findings)
    yield from _surroundings(header.provenance)


def _cases(header: RunHeader, records: Sequence[Record]) -> str:
    models, settings = (
        list(dict.fromkeys(getattr(record.case, of) for record in records)) for of in ("model", "compression")
    )
    loads = listed(load_of(record) for record in records)
    threads = listed(str(record.case.threads) for record in records)
    return (
        f"We measured {counted(len(records), 'case')} of the suite {header.suite} on {header.started_utc[:10]}: "
        f"{counted(len(models), 'model')} ({listed(models)}), "
        f"{counted(len(settings), 'compression setting')} ({listed(settings)}), "
        f"with {threads} intra-op {'thread' if threads == '1' else 'threads'}, in the scenario {loads}."
    )


def _runtimes(header: RunHeader, records: Sequence[Record]) -> str:
    """Name the runtimes with the versions that the measured processes reported."""
    versions: dict[str, dict[str, None]] = {}
    for record in records:
        found = versions.setdefault(record.case.runtime, {})
        if record.processes and record.runtime_info.get("version"):
            found[str(record.runtime_info["version"])] = None
    named = [f"{name} {listed(found)}" if found else f"{name} (version {NOT_RECORDED})" for name, found in
             versions.items()]  # fmt: skip
    ours = header.versions.get("edgebench")
    return (
        f"The runtimes were {listed(named)}, driven by edgebench {ours or f'(version {NOT_RECORDED})'}"
        f"{_commit(header.provenance.get('edgebench'))}{CITATION}."
    )


def _commit(repository: Any) -> str:
    """Return the commit of edgebench in brackets, '' where it was installed."""
    if not isinstance(repository, Mapping) or "commit" not in repository:
        return ""
    changed = ", with changes" if repository.get("dirty") is True else ""
    return f" (commit {str(repository['commit'])[:10]}{changed})"


def _machine(host: Mapping[str, Any]) -> str:
    cores, size = host.get("cores"), host.get("memory_bytes")
    facts = [
        _fact(host, "board", "board"),
        _fact(host, "cpu_model", "processor"),
        f"{cores} logical processors" if isinstance(cores, int) else f"number of processors {NOT_RECORDED}",
        f"{size / _GIB:.1f} GiB of memory" if isinstance(size, int) else f"memory {NOT_RECORDED}",
    ]
    return f"Machine: {', '.join(facts)}."


def _fact(host: Mapping[str, Any], key: str, title: str) -> str:
    """Return 'board Raspberry Pi 5', or that the fact is not recorded, with the reason where that is."""
    value = host.get(key)
    if isinstance(value, str) and value:
        return f"{title} {value}"
    unknown = host.get("unknown")
    reason = unknown.get(key) if isinstance(unknown, Mapping) else None
    return f"{title} {NOT_RECORDED}" + (f" ({reason})" if reason else "")


def _system(host: Mapping[str, Any], provenance: Mapping[str, Any]) -> str:
    python = provenance.get("python")
    version = python.get("version") if isinstance(python, Mapping) else None
    facts = [
        _fact(host, "os", "operating system"),
        _fact(host, "kernel", "kernel"),
        f"Python {version}" if version else f"Python version {NOT_RECORDED}",
    ]
    virtual = [
        *([f"under a hypervisor ({host['hypervisor']})"] if host.get("hypervisor") else []),
        *([f"in a container ({host['container']})"] if host.get("container") else []),
    ]
    return f"Software: {', '.join([*facts, *virtual])}."


def _processor(findings: Sequence[Finding]) -> str:
    found = {finding.check: finding for finding in findings}
    facts = [
        f"{title} {NOT_RECORDED if check not in found else _setting(found[check])}"
        for check, title in _SETTINGS.items()
        if check in found or check in ("governor", "turbo")
    ]
    return f"Settings of the processor: {'; '.join(facts)}."


def _setting(finding: Finding) -> str:
    return f"unknown ({finding.found})" if finding.status == "unknown" else finding.found


def _warnings(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield what the checks before the run objected to, other than the settings that are named anyway."""
    bad = [
        f"{finding.check}: {finding.found}"
        for finding in findings
        if finding.status in ("warn", "fail") and finding.check not in _SETTINGS
    ]
    if bad:
        yield f"Checks before the run objected to {'; '.join(bad)}."


def _surroundings(provenance: Mapping[str, Any]) -> Iterator[str]:
    ambient, supply = provenance.get("ambient_c"), provenance.get("power_supply")
    yield (
        f"Ambient temperature: {f'{ambient:g} °C' if isinstance(ambient, (int, float)) else NOT_RECORDED}; "
        f"power supply: {supply if isinstance(supply, str) else NOT_RECORDED}."
    )
