"""pytest-benchmark's JSON, from `--benchmark-json`, `--benchmark-save` or this project's export, in seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from harness.core.case import Case
from harness.core.errors import RecordError
from harness.core.metric import METRICS
from harness.core.quantity import Quantity, Value
from harness.store.documents import case_from

from .figures import count, mapping, number, positive, times_ns
from .parsed import ParsedCase, ParsedRun, parse_each, user_case
from .text import parse_object

SOURCE = "pytest-benchmark"
_NS = 1e9


def recognises(text: str) -> bool:
    """Return whether the text is a JSON object with benchmarks and their machine."""
    document = parse_object(text)
    return isinstance(document.get("benchmarks"), list) and "machine_info" in document


def parse(text: str) -> ParsedRun:
    """Parse each benchmark as a case; without `stats.data` (`--benchmark-save` alone) only its summary."""
    document = parse_object(text)
    machine, commit = (_object(document.get(name)) for name in ("machine_info", "commit_info"))
    cpu = machine.get("cpu")  # a text in files of version 3
    names = Counter(_text(entry, "name") for entry in document["benchmarks"])
    cases, refused = parse_each(
        document["benchmarks"],
        lambda entry: _case(entry, names[entry["name"]] == 1),
        lambda entry: _text(entry, "fullname") or _text(entry, "name"),
    )
    return ParsedRun(
        SOURCE,
        cases,
        document.get("datetime"),
        {
            "arch": machine.get("machine"),
            "kernel": machine.get("release"),
            "cpu_model": cpu if isinstance(cpu, str) else _object(cpu).get("brand_raw"),
        },
        commit.get("id") if commit.get("id") != "unversioned" else None,
        {SOURCE: document.get("version") or "unknown"},
        refused,
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(entry: object, key: str) -> str:
    """Return a text of an entry, '' where it has none."""
    value = _object(entry).get(key)
    return value if isinstance(value, str) else ""


def _case(entry: Mapping[str, Any], is_unique: bool) -> ParsedCase:
    stats, extra = mapping(entry["stats"], "stats"), _object(entry.get("extra_info"))
    metrics: dict[str, Quantity] = {}
    if {"case", "verdict"} <= set(extra):  # written by this project: another's 'top1' may be anything
        metrics = {name: Value(number(extra[name], name)) for name in METRICS if extra.get(name) is not None}
    notes = {"name": entry.get("fullname"), "iterations": stats.get("iterations"), "rounds": stats.get("rounds")}
    case = _case_of(entry, is_unique)
    if stats.get("data") is not None:
        calls = count(stats.get("iterations", 1), "stats.iterations")
        return ParsedCase(case, [times_ns(stats["data"], "stats.data")], metrics, notes, calls)
    n = count(stats["rounds"], "stats.rounds")
    metrics["latency_p50_ns"] = Value(positive(stats["median"], "stats.median") * _NS, n=n)
    metrics["throughput_per_s"] = Value(1.0 / positive(stats["mean"], "stats.mean"), n=n)
    return ParsedCase(case, (), metrics, notes)


def _case_of(entry: Mapping[str, Any], is_unique: bool) -> Case:
    """Return the case: from the parameters of this project's tests, else with the benchmark's name as the model.

    A name that several modules use is qualified by its module.
    """
    parameters = _object(entry.get("params"))
    if {"model", "compression", "runtime"} <= set(parameters):
        try:
            return case_from({**parameters, "load": parameters.get("load") or {}})
        except RecordError:
            pass  # parameters of another test that happen to have these names
    return user_case(_text(entry, "name" if is_unique else "fullname"), SOURCE)
