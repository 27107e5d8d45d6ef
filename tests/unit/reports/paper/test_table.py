from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from harness.core.execution import Execution
from harness.core.quantity import Value
from harness.core.record import Record
from harness.store.runfolder import RunFolder
from reports.columns import chosen
from reports.paper.table import Layout, default_caption, default_columns, latex_table
from tests import factory
from tests.latex import compiled

GOLDEN = Path(__file__).parent / "golden"
PLANS = [*factory.nets(joules=True)[:4], *factory.troubled()]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return factory.write_run(tmp_path / "run", PLANS)


def table(records: list[Record], names: str = "", **layout: object) -> str:
    columns = chosen(names) if names else default_columns(records)
    return latex_table(records, columns, Layout(**{"caption": "C", "label": "tab:l", **layout}))  # type: ignore[arg-type]


def rows(code: str) -> list[str]:
    """The rows below the header."""
    body = code.partition(r"\midrule")[2].partition(r"\bottomrule")[0]
    return [line.strip().removesuffix(r" \\") for line in body.strip().splitlines()]


@pytest.mark.parametrize(("name", "siunitx"), [("siunitx.tex", True), ("plain.tex", False)])
def test_the_code_is_that_of_the_golden_file(run: RunFolder, name: str, siunitx: bool) -> None:
    records = run.records()
    layout = Layout(default_caption([run.header()]), "tab:quick", siunitx=siunitx, by_model=True)
    assert latex_table(records, default_columns(records), layout) == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("siunitx", [True, False])
def test_it_compiles(run: RunFolder, tmp_path: Path, siunitx: bool) -> None:
    choices = ("", "p50,top1,latency_p50_lo_ns,mcnemar_p", "model,verdict,threads")
    tables = [table(run.records(), names, siunitx=siunitx, caption="5 % of \\input{x} & more") for names in choices]
    compiled(tmp_path, "\n".join(tables).replace("米", "?"))


def test_a_case_that_is_not_precise_has_a_symbol_with_its_reason(run: RunFolder) -> None:
    code = table(run.records())
    marked = [row for row in rows(code) if "$^{" in row]
    assert len(marked) == sum(record.verdict.status != "precise" for record in run.records())
    assert r"int8-static & onnxruntime-cpu" in code
    assert r"$^{\ast}$\,contended (not to be relied on: times, energy): wall/CPU 1.31 at one thread.\par" in code
    assert r"$^{\|}$\,unsupported: operator DYNAMIC\_QUANT is not supported.\par" in code


def test_symbols_stand_beside_numbers_where_no_column_has_text(run: RunFolder) -> None:
    code = table(run.records(), "p50")
    assert re.search(r"14\.0 \+- 0\.1 & \$\^\{\\ast\}\$", code)


def test_one_symbol_per_kind_and_two_for_a_case_that_ran_in_another_precision(run: RunFolder) -> None:
    records = run.records()
    bf16 = Execution(asked="fp32", effective="bf16")
    changed = [
        dataclasses.replace(record, execution=bf16) if record.verdict.status in ("contended", "precise") else record
        for record in records[:6]
    ]
    code = table(changed)
    assert r"$^{\ast}$\,ran in bf16." in code
    assert r"$^{\dagger\,\ast}$" in code
    assert code.count("ran in bf16") == 1


def test_a_wide_interval_has_its_ends_and_a_missing_number_its_reason(run: RunFolder) -> None:
    record = run.records()[0]
    wide = dataclasses.replace(
        record, metrics={**record.metrics, "latency_p50_ns": Value(270_000.0, 152_000.0, 683_000.0, 3)}
    )
    code = table([wide, run.records()[4]], "model,p50,energy_net")
    assert r"{$0.27$ [$0.15$, $0.68$]}" in code
    assert r"[~,~]: the ends of a 95\,\% interval" in code
    assert r"--: Energy, net: no power sensor: /sys/class/powercap is absent." in code


def test_very_small_numbers_have_a_power_of_ten(run: RunFolder) -> None:
    record = run.records()[0]
    tiny = dataclasses.replace(record, metrics={**record.metrics, "mcnemar_p": Value(3.25e-12)})
    assert r"{$3.25 \times 10^{-12}$}" in table([tiny], "model,mcnemar_p")


def test_what_differs_among_the_cases_has_a_column(run: RunFolder, tmp_path: Path) -> None:
    names = [each.name for each in default_columns(run.records())]
    assert "threads" in names
    assert not {"target", "run", "batch", "scenario"} & set(names)
    other = factory.write_run(tmp_path / "pi", PLANS, target="raspberry-pi-5", run_id="other")
    names = [each.name for each in default_columns([*run.records(), *other.records()])]
    assert "target" in names
    assert "run" not in names


def test_an_accuracy_on_a_mini_set_says_so(run: RunFolder) -> None:
    details = {"accuracy": {"name": "mini-set top-1", "parts": {"stamps": {"right": 3, "n": 4}}}}
    records = [dataclasses.replace(record, details=details) for record in run.records()[:2]]
    assert "Accuracy: mini-set top-1: stamps 3 of 4." in table(records)
    assert "mini-set" not in table(records, "model,p50")
    mixed = table([records[0], run.records()[1]])
    assert r"$^{\ast}$\,Accuracy: mini-set top-1: stamps 3 of 4." in mixed
