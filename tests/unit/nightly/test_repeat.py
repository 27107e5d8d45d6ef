"""The commands that repeat a finding hold no password."""

from __future__ import annotations

from pathlib import Path

from harness.core.case import Case
from harness.nightly.repeat import Request

CASE = Case("m", "fp32", "onnxruntime-cpu")


def test_no_command_holds_a_password() -> None:
    store = "--store=postgresql://bench:hunter2@lab/db"
    option = "--runtime-option=qnn:password=hunter2"
    request = Request(("edgebench", "run", store, option), (option,))
    for command in (request.measure(CASE.id), request.compare(CASE, "latency_p50_ns", Path("a.onnx"), Path("b.onnx"))):
        assert "hunter2" not in command
        assert "***" in command


def test_other_words_are_as_they_were_given() -> None:
    request = Request(("edgebench", "run", "my net.onnx", "--rate=30"), ("--profile", "full"))
    assert request.measure("m|fp32") == "edgebench run 'my net.onnx' --rate=30 -k 'm|fp32'"
