"""pytest-benchmark's JSON, of `--benchmark-json`, `--benchmark-save` or this project's export: times in seconds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from harness.core.case import Case
from harness.core.errors import ScenarioError
from harness.core.metric import METRICS
from harness.core.quantity import Quantity, Value
from harness.core.scenario import Load

from .records import ParsedCase, ParsedRun, user_case

SOURCE = "pytest-benchmark"
_NS = 1e9


def recognises(text: str) -> bool:
    """A JSON object with benchmarks and the machine they ran on."""
    document = parse_object(text)
    return isinstance(document.get("benchmarks"), list) and "machine_info" in document


def parse_object(text: str) -> Mapping[str, Any]:
    """The JSON object in the text, {} when there is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def parse(text: str) -> ParsedRun:
    """Every benchmark as a case; without `stats.data` (of `--benchmark-save` without data) only its summary."""
    document = parse_object(text)
    machine, commit = document["machine_info"], document.get("commit_info") or {}
    cpu = machine.get("cpu") or {}
    names = Counter(entry["name"] for entry in document["benchmarks"])
    host = {"arch": machine.get("machine"), "kernel": machine.get("release"), "cpu_model": cpu.get("brand_raw")}
    return ParsedRun(
        SOURCE,
        [_case(entry, names[entry["name"]] == 1) for entry in document["benchmarks"]],
        document.get("datetime"),
        {name: value for name, value in host.items() if value},
        commit.get("id"),
        {SOURCE: str(document.get("version", "unknown"))},
    )


def _case(entry: Mapping[str, Any], alone: bool) -> ParsedCase:
    stats, extra = entry["stats"], entry.get("extra_info") or {}
    data = [float(sample) * _NS for sample in stats.get("data") or ()]
    told: dict[str, Quantity] = {
        name: Value(float(extra[name])) for name in METRICS if isinstance(extra.get(name), (int, float))
    }
    rounds = int(stats["rounds"])
    if not data:
        told |= {
            "latency_p50_ns": Value(float(stats["median"]) * _NS, n=rounds),
            "throughput_per_s": Value(1.0 / float(stats["mean"]), n=rounds),
        }
    notes = {"name": entry["fullname"], "iterations": stats.get("iterations"), "rounds": rounds}
    return ParsedCase(_case_of(entry, alone), [data] if data else (), told, notes)


def _case_of(entry: Mapping[str, Any], alone: bool) -> Case:
    """The case of this project's own items, by their parameters; of any other benchmark its name as the model.

    A name that is not `alone` in the file, in tests of several modules, is told with its module.
    """
    given = entry.get("params") or {}
    if {"model", "compression", "runtime"} <= set(given):
        try:
            return Case(**{**given, "load": Load(**(given.get("load") or {}))})
        except (TypeError, ScenarioError):
            pass  # parameters of somebody else's test that happen to have these names
    return user_case(str(entry["name" if alone else "fullname"]), SOURCE)
