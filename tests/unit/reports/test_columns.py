from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UnknownName
from harness.core.quantity import Missing, Value
from harness.core.record import Record
from harness.store.frame import record_table
from harness.store.rows import columns
from reports.columns import chosen, column, rounded, sorted_by
from reports.labels import scales_of
from tests import factory


@pytest.fixture
def records(tmp_path: Path) -> list[Record]:
    return factory.write_run(tmp_path, [*factory.nets(joules=True)[:6], *factory.troubled()]).records()


def test_every_column_of_the_table_can_be_named() -> None:
    assert [column(name).name for name in columns()] == columns()


@pytest.mark.parametrize(
    ("name", "full"),
    [("p50", "latency_p50_ns"), ("energy_net", "energy_net_j"), ("memory", "peak_rss_bytes"), ("top1", "top1")],
)
def test_short_names_of_metrics_are_columns_too(name: str, full: str) -> None:
    assert column(name).name == full


def test_an_unknown_column_names_the_closest_one() -> None:
    with pytest.raises(UnknownName, match="did you mean 'latency_p50_ns'"):
        chosen("model, latencyp50_ns")


def test_a_list_keeps_its_order_and_has_each_once() -> None:
    assert [each.name for each in chosen("top1, model,top1,")] == ["top1", "model"]


@pytest.mark.parametrize(("name", "sign"), [("latency_p50_ns", 1), ("top1", -1), ("throughput_per_s", -1)])
def test_the_best_value_comes_first_then_what_may_not_be_compared_and_missing_ones_last(
    records: list[Record], name: str, sign: int
) -> None:
    ordered = sorted_by(records, column(name))
    assert sorted(map(id, ordered)) == sorted(map(id, records))
    places = [(record.value(name) is None, not record.trusts(name)) for record in ordered if record.verdict.ran]
    assert places == sorted(places)
    for trusted in (True, False):
        alike = [value for r in ordered if r.trusts(name) is trusted and (value := r.value(name)) is not None]
        assert alike == sorted(alike, key=lambda value: sign * value)
    assert ordered[-1].value(name) is None


def test_a_contended_case_is_not_ranked_by_its_time_and_is_by_its_size(records: list[Record]) -> None:
    contended = next(record for record in records if record.verdict.status == "contended")
    by_time, by_size = (sorted_by(records, column(name)) for name in ("latency_p50_ns", "artifact_bytes"))
    slower = next(record for record in records if (record.value("latency_p50_ns") or 0) > 30_000_000)
    assert by_time.index(contended) > by_time.index(slower)
    assert (
        by_size.index(contended) == min(by_size.index(r) for r in records if r.case.model == contended.case.model) + 1
    )


def test_text_ascends_and_equal_rows_keep_their_order(records: list[Record]) -> None:
    ordered = sorted_by(records, column("model"))
    assert ordered == sorted(records, key=lambda record: record.case.model)


def test_numbers_are_rounded_to_what_their_interval_supports(records: list[Record]) -> None:
    row = rounded(record_table(records), records).iloc[0]
    quantity = records[0].quantity("latency_p50_ns")
    assert isinstance(quantity, Value)
    assert quantity.lo is not None
    assert row.latency_p50_ns == round(quantity.value, -4) != quantity.value  # +-0.02 ms
    assert row.latency_p50_lo_ns == round(quantity.lo, -4)
    assert (row.top1, row.top1_lo, row.top1_hi) == (0.919, 0.913, 0.924)
    assert row.latency_p90_ns == round(records[0].value("latency_p90_ns") or 0)  # it has no interval
    crashed = next(index for index, record in enumerate(records) if record.verdict.status == "crashed")
    assert rounded(record_table(records), records).latency_p50_ns.isna().iloc[crashed]


def test_an_end_of_an_interval_has_the_digits_of_its_value(records: list[Record]) -> None:
    scales, row = scales_of(records), record_table(records).iloc[0]
    cells = [column(name).cell(records[0], row, scales) for name in ("latency_p50_ns", "latency_p50_lo_ns")]
    assert [cell.text for cell in cells] == ["1.90", "1.88"]
    missing = column("latency_p50_hi_ns").cell(
        Record(**{**vars(records[0]), "metrics": {"latency_p50_ns": Missing("crashed")}}), row, scales
    )
    assert missing.missing
