"""An Edge TPU's model through the whole harness, on a library that stands in for libedgetpu."""

from __future__ import annotations

from pathlib import Path

from harness.core.errors import EXIT_SOME_FAILED
from harness.store.runfolder import RunFolder
from suites.artifacts import catalog
from tests.e2e.conftest import EMBEDDED, SMOKE, Edgebench
from tests.fakes.edgetpu import built
from tests.tflite_bytes import CACHING, DEQUANTIZE, EXECUTING, FLOAT, Op, chain, compiled, package


def test_what_is_compiled_runs_and_what_is_not_gets_its_reason(edgebench: Edgebench, tmp_path: Path) -> None:
    net = chain(compiled(package((EXECUTING, 64), (CACHING, 4096))), Op(DEQUANTIZE, FLOAT))
    (tmp_path / "net_edgetpu.tflite").write_bytes(net)
    plain = catalog.ARTIFACTS / EMBEDDED / "int8-static.tflite"
    options = [f"edgetpu:library={built(tmp_path)}", "edgetpu:device=usb:0"]
    named = [word for each in options for word in ("--runtime-option", each)]
    models = ("--model", tmp_path / "net_edgetpu.tflite", "--model", plain)
    done = edgebench("run", *models, "--runtime", "edgetpu", *named, *SMOKE, "--no-report", "--out", "run")
    assert done.returncode == EXIT_SOME_FAILED, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    ran, refused = sorted(
        RunFolder(tmp_path / "run").records(), key=lambda record: record.verdict.status == "unsupported"
    )
    assert ran.value("latency_p50_ns")
    assert ran.execution.effective == "int8"
    assert ran.execution.nodes == {"edgetpu": 1, "cpu": 1}
    assert {each.check: each.status for each in ran.execution.findings} == {
        "fallback": "warn",
        "parameters": "warn",
        "fidelity": "unknown",
    }
    assert ran.runtime_info["parameters"] == {"on_chip_bytes": 4096, "streamed_bytes": 64}
    assert ran.runtime_info["options"]["device"] == "usb:0"
    assert refused.verdict.reason.startswith("not compiled for Edge TPU")
    assert f"edgetpu_compiler -s {plain}" in refused.verdict.remedy
