"""Suites larger than the quick one: many settings, many runtimes, two boards."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from harness.core.case import Case
from harness.core.execution import Execution
from harness.core.quantity import Value
from harness.store.runfolder import RunFolder
from reports.data import CaseView, gather
from reports.labels import effective_precision_note
from reports.section import Absent
from reports.sections import comparison, heatmap, runtimes
from reports.sections.latency import split
from tests import factory

SETTINGS = ("fp32", "fp16", *(f"int{bits}-static" for bits in range(2, 13)))


def plans(models: tuple[str, ...], settings: tuple[str, ...], names: tuple[str, ...]) -> list[factory.Plan]:
    return [
        factory.Plan(Case(model, setting, runtime, dataset="fashion-mnist"), 1_000_000 * (1 + at))
        for model in models
        for setting in settings
        for at, runtime in enumerate(names)
    ]


@pytest.fixture
def compression(tmp_path: Path) -> RunFolder:
    return factory.write_run(tmp_path / "run", plans(("a", "b"), SETTINGS, ("onnxruntime-cpu",)))


@pytest.fixture
def four(tmp_path: Path) -> RunFolder:
    names = ("onnxruntime-cpu", "litert-xnnpack", "openvino-cpu", "ncnn")
    return factory.write_run(tmp_path / "run", plans(("a", "b"), ("fp32", "fp16"), names))


def heads(html: object) -> list[list[str]]:
    """The column titles of every table."""
    rows = re.findall(r"<thead><tr>(.*?)</tr></thead>", str(html), re.DOTALL)
    return [re.findall(r'<th scope="col">(.*?)</th>', row) for row in rows]


def test_many_settings_are_rows_instead_of_columns(compression: RunFolder) -> None:
    html = heatmap.render(gather([compression]))
    assert heads(html)[0] == ["Setting", "a", "b"]
    assert len(re.findall(r'<th scope="row">int', str(html).partition("</table>")[0])) == 11


def test_many_lines_are_split_into_as_few_plots_as_possible(four: RunFolder) -> None:
    def views(settings: int, names: int) -> list[CaseView]:
        run = factory.write_run(
            four.path / f"{settings}x{names}",
            plans(("a",), SETTINGS[:settings], tuple(f"runtime-{name}" for name in range(names))),
        )
        return list(gather([run]).cases)

    assert [plot.title for plot in split("a", views(4, 3))] == ["a"]
    assert [plot.title for plot in split("a", views(13, 2))] == ["a · runtime-0", "a · runtime-1"]
    assert [plot.title for plot in split("a", views(2, 8))] == ["a · fp32", "a · fp16"]


def test_runtimes_are_columns_with_the_ratio_to_the_first(four: RunFolder) -> None:
    html = runtimes.render(gather([four]))
    assert heads(html)[0] == ["Model", "onnxruntime-cpu", "litert-xnnpack", "openvino-cpu", "ncnn"]
    ratios = re.findall(r'relative">\N{MULTIPLICATION SIGN}([\d.]+)<', str(html).partition("</table>")[0])
    assert [round(float(ratio)) for ratio in ratios] == [2, 3, 4, 2, 3, 4]


def test_a_single_runtime_is_not_compared(compression: RunFolder) -> None:
    assert isinstance(runtimes.render(gather([compression])), Absent)


def test_an_effective_precision_other_than_the_requested_one_is_shown(four: RunFolder) -> None:
    record = next(record for record in four.records() if record.case.runtime == "openvino-cpu")
    other = dataclasses.replace(record, execution=Execution(asked="fp32", effective="bf16", evidence="by property"))
    four.append(other)
    assert "ran in bf16" in str(runtimes.render(gather([four])))
    assert effective_precision_note(dataclasses.replace(record, execution=Execution("fp32", "fp32"))) == ""
    assert effective_precision_note(record) == ""  # nobody read it back


def test_fidelity_exposes_outputs_that_are_fast_but_wrong(four: RunFolder) -> None:
    record = four.records()[1]
    wrong = {**record.metrics, "fidelity_sqnr_db": Value(3.2), "latency_p50_ns": Value(9.0)}
    four.append(dataclasses.replace(record, metrics=wrong))
    html = str(runtimes.render(gather([four])))
    assert "Fidelity SQNR" in html
    assert "3.20" in html.partition("Fidelity SQNR")[2]


def test_two_boards_are_compared_case_by_case(tmp_path: Path) -> None:
    first = factory.write_run(tmp_path / "a", factory.nets()[:3])
    second = factory.write_run(tmp_path / "b", factory.nets()[:3], shift=2.0, target="raspberry-pi-5")
    html = " ".join(str(comparison.render(gather([second], first))).split())
    assert "quick on raspberry-pi-5, 2026-01-01 00:00 UTC compared with quick on x86-64" in html
    assert "target: x86-64 and raspberry-pi-5" in html
    assert html.count('<td class="slower">slower</td>') == 3
    assert html.count("▲ +100") == 3
    assert "The model file differs" not in html


def test_a_comparison_says_in_how_many_cases_the_model_file_differs(tmp_path: Path) -> None:
    first, second = (factory.write_run(tmp_path / name, factory.nets()[:3]) for name in ("a", "b"))
    record = second.records()[0]
    assert record.artifact is not None
    second.append(dataclasses.replace(record, artifact=dataclasses.replace(record.artifact, sha256="f" * 64)))
    assert "The model file differs in 1 case." in str(comparison.render(gather([second], first)))
