"""pytest-benchmark's JSON, from `--benchmark-json`, `--benchmark-save` or this project's export, in seconds."""

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
    """Return whether the text is a JSON object with benchmarks and their machine."""
    document = parse_object(text)
    return isinstance(document.get("benchmarks"), list) and "machine_info" in document


def parse_object(text: str) -> Mapping[str, Any]:
    """Parse a JSON object; {} if the text is not one."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def parse(text: str) -> ParsedRun:
    """Parse each benchmark as a case; without `stats.data` (`--benchmark-save` alone) only its summary."""
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


def _case(entry: Mapping[str, Any], is_unique: bool) -> ParsedCase:
    stats, extra = entry["stats"], entry.get("extra_info") or {}
    data = [float(sample) * _NS for sample in stats.get("data") or ()]
    metrics: dict[str, Quantity] = {
        name: Value(float(extra[name])) for name in METRICS if isinstance(extra.get(name), (int, float))
    }
    rounds = int(stats["rounds"])
    if not data:
        metrics |= {
            "latency_p50_ns": Value(float(stats["median"]) * _NS, n=rounds),
            "throughput_per_s": Value(1.0 / float(stats["mean"]), n=rounds),
        }
    notes = {"name": entry["fullname"], "iterations": stats.get("iterations"), "rounds": rounds}
    return ParsedCase(_case_of(entry, is_unique), [data] if data else (), metrics, notes)


def _case_of(entry: Mapping[str, Any], is_unique: bool) -> Case:
    """Return the case: from the parameters of this project's tests, else with the benchmark's name as the model.

    A name that several modules use is qualified by its module.
    """
    parameters = entry.get("params") or {}
    if {"model", "compression", "runtime"} <= set(parameters):
        try:
            return Case(**{**parameters, "load": Load(**(parameters.get("load") or {}))})
        except (TypeError, ScenarioError):
            pass  # parameters of another test that happen to have these names
    return user_case(str(entry["name" if is_unique else "fullname"]), SOURCE)
