"""The vocabulary: quantities, case ids, metric columns, errors, files behind a root."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.case import Case
from harness.core.errors import EdgebenchError, UnknownName
from harness.core.hostfs import HostFs
from harness.core.metric import METRICS
from harness.core.quantity import Missing, Value
from harness.core.record import Record
from harness.core.verdict import Verdict


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_value_is_finite(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Value(number)
    with pytest.raises(ValueError, match="finite"):
        Value(1.0, lo=number)


def test_missing_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="reason"):
        Missing("")


def test_case_id_names_what_is_not_default() -> None:
    case = Case("mobilenet_v2-0.35-32", "int8-static", "onnxruntime-cpu")
    assert case.id == "mobilenet_v2-0.35-32|int8-static|onnxruntime-cpu|t1"
    assert Case("m", "fp32", "r", threads=2, batch=8).id == "m|fp32|r|t2|b8"


@given(st.text(min_size=1), st.text(min_size=1))
def test_slugs_are_plain_file_names(model: str, compression: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]+", Case(model, compression, "r").slug)


def test_interval_columns_keep_the_unit_last() -> None:
    assert METRICS["latency_p50_ns"].column("lo") == "latency_p50_lo_ns"
    assert METRICS["top1"].column("hi") == "top1_hi"
    assert METRICS["energy_gross_j"].column("lo") == "energy_gross_lo_j"
    assert METRICS["energy_gross_j"].column("hi") == "energy_gross_hi_j"
    assert METRICS["throughput_per_s"].column("hi") == "throughput_hi_per_s"
    columns = [metric.column(bound) for metric in METRICS.values() for bound in ("lo", "hi")]
    assert len(set(columns)) == len(columns)


@pytest.mark.parametrize(
    ("better", "names"),
    [
        ("lower", ("latency_p50_ns", "latency_p99_ns", "energy_net_j", "peak_rss_bytes", "sustained_ratio", "load_ns")),
        ("higher", ("throughput_per_s", "top1", "top5", "top1_difference", "sqnr_db", "agreement", "bound_met_share")),
        ("none", ("wall_per_cpu", "mcnemar_p", "parameters", "macs", "n_images", "busy_share")),
    ],
)
def test_which_way_a_metric_is_better(better: str, names: tuple[str, ...]) -> None:
    assert {METRICS[name].better for name in names} == {better}


def test_an_unknown_name_suggests_the_nearest() -> None:
    error = UnknownName("suite", "quik", ["quick", "full-size"])
    assert "did you mean 'quick'?" in str(error)
    assert error.exit_code == 2


def test_a_record_refuses_unknown_metrics() -> None:
    with pytest.raises(UnknownName, match="latency_p51_ns"):
        Record("r", "c", Case("m", "f", "r"), "t", Verdict("precise"), {"latency_p51_ns": Value(1)}, "", 0.0)


def test_an_unknown_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="fine"):
        Verdict("fine")  # type: ignore[arg-type]


def test_an_error_tells_its_remedy() -> None:
    assert str(EdgebenchError("it broke", "mend it")) == "it broke\n  mend it"


def test_absent_and_denied_files_are_missing_with_a_reason(tmp_path: Path) -> None:
    fs = HostFs(tmp_path)
    absent = fs.read("/sys/none")
    assert isinstance(absent, Missing)
    assert "absent" in absent.reason


def test_text_is_read_without_nul_and_newline(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"Raspberry Pi 5\0")
    assert HostFs(tmp_path).read("/model") == "Raspberry Pi 5"


def test_names_come_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        (tmp_path / f"hwmon{number}").mkdir()
    assert list(HostFs(tmp_path).glob("/hwmon*")) == ["/hwmon1", "/hwmon2", "/hwmon10"]
