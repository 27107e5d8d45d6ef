"""Sections that need more in a record than the synthetic runs have."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from harness.core.execution import OperatorProfile, OperatorTiming
from harness.core.hardware.roofline import Roof, Roofline
from harness.core.quantity import Value
from harness.core.record import Blob, Trace
from harness.store.runfolder import RunFolder
from reports.data import ReportData, gather
from reports.section import Absent
from reports.sections import cases, heatmap, memory, operators, power, roofline, scaling, verdict
from tests import factory


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return factory.write_run(tmp_path, factory.nets()[:2])


def profiled(run: RunFolder, *timings: OperatorTiming, inference_ns: float = 1e6) -> ReportData:
    profile = OperatorProfile("XNNPACK", 10, inference_ns, timings)
    run.append(dataclasses.replace(run.records()[0], operators=profile))
    return gather([run])


def test_operators_say_what_takes_the_time_and_what_fell_back(run: RunFolder) -> None:
    data = profiled(
        run, OperatorTiming("a", "CONV_2D", "XNNPACK", 6e5), OperatorTiming("b", "HARD_SWISH", "built-in", 3e5)
    )
    html = str(operators.render(data))
    assert "1 of 2 operators, 30% of the time, did not run on XNNPACK." in html
    assert "60.0 %" in html
    assert "10.0 %" in html  # the rest
    assert html.index("CONV_2D") < html.index("HARD_SWISH")


def test_a_value_that_cannot_be_trusted_is_not_called_missing(tmp_path: Path) -> None:
    scored = dataclasses.replace(factory.nets()[0], status="contended")
    html = str(verdict.render(gather([factory.write_run(tmp_path, [scored, factory.troubled()[1]])])))
    accurate, fastest = (html.partition(title)[2].partition("</div>")[0] for title in ("Most accurate", "Fastest"))
    assert scored.case.model in accurate, "top-1 does not depend on what else ran"
    assert "no case has a value that can be trusted" in fastest


def test_without_a_profile_the_section_says_how_to_get_one(run: RunFolder) -> None:
    assert operators.render(gather([run])) == Absent("not measured: run with --deep")


def test_the_roof_is_drawn_where_it_was_measured(run: RunFolder) -> None:
    def traces(html: object) -> list[dict[str, object]]:
        text = str(html).partition('id="roofline-plot-json">')[2].partition("</script>")[0]
        return json.loads(text)["data"]

    bare = roofline.render(gather([run]))
    assert "There is no roof in this plot: not measured: edgebench roofline." in str(bare)
    peaks = Roofline("m", "2026-01-01T00:00:00Z", "openblas", None, (Roof(1, 2e11, 1e10),))
    run.write_header(dataclasses.replace(run.header(), roofline=peaks))
    roofed = roofline.render(gather([run]))
    assert "Peak with 1 thread: 100 GMAC/s in fp32, 10 GB/s" in str(roofed)
    line = next(trace for trace in traces(roofed) if trace["mode"] == "lines")
    assert max(line["y"]) == 100  # type: ignore[call-overload]
    assert len(traces(roofed)) == len(traces(bare)) + 1


def test_scaling_needs_two_points_of_one_model(tmp_path: Path) -> None:
    one = factory.nets()[0]
    two = dataclasses.replace(one, case=dataclasses.replace(one.case, threads=2), latency_ns=one.latency_ns // 2)
    assert isinstance(scaling.render(gather([factory.write_run(tmp_path / "one", [one])])), Absent)
    html = str(scaling.render(gather([factory.write_run(tmp_path / "two", [one, two])])))
    assert "gains most from more threads" in html
    assert "a factor of 2.0" in html


def test_memory_over_time_is_shown_under_memory_and_not_under_power(run: RunFolder) -> None:
    record = run.records()[0]
    times = np.arange(4, dtype=np.int64) * 10**8
    sha256, n = run.put_blob({"t_ns": times, "value": np.array([10, 50, 80, 60]) * 10**6})
    watched = Trace("memory_rss", "B", "process", 10**8, n, Blob("trace", sha256, n, "B"))
    phases = tuple(
        dataclasses.replace(one, peak_rss_after_bytes={"import": 52_000_000}, unsteady="still falling")
        for one in record.processes
    )
    run.append(dataclasses.replace(record, traces=(*record.traces, watched), processes=phases))
    data = gather([run])
    text = str(memory.render(data))
    assert "has the highest reading: 80.0 MB." in text
    assert "<td>52.0</td><td>not recorded</td>" in text
    assert "memory_rss" not in str(power.render(data))


def test_the_heat_map_keeps_scenarios_apart_and_shows_offline_by_throughput(tmp_path: Path) -> None:
    single, other = factory.nets()[:2]
    offline = [
        dataclasses.replace(plan, case=dataclasses.replace(plan.case, scenario="Offline", runtime="onnxruntime-cpu"))
        for plan in (single, factory.nets()[6])
    ]
    html = str(heatmap.render(gather([factory.write_run(tmp_path, [single, other, *offline])])))
    latency, throughput = (html.partition(f"<h3>{title}")[2].partition("</details>")[0] for title in
                           ("Latency p50", "Throughput"))  # fmt: skip
    assert "SingleStream" in latency
    assert "Offline" not in latency
    assert "Offline" in throughput
    assert "SingleStream" not in throughput
    assert "\N{MULTIPLICATION SIGN}2.2" in throughput  # int8-static takes 0.45 of the time


def test_a_case_that_cannot_be_trusted_has_no_ratio_in_the_heat_map(tmp_path: Path) -> None:
    base, doubtful = factory.nets()[0], dataclasses.replace(factory.nets()[6], status="contended")
    html = str(heatmap.render(gather([factory.write_run(tmp_path, [base, doubtful])])))
    latency = html.partition("<h3>Latency p50")[2].partition("</details>")[0]
    assert "not trusted" in latency
    assert "\N{MULTIPLICATION SIGN}0.4" not in latency


def test_a_run_begins_with_what_to_ship_of_each_model(tmp_path: Path) -> None:
    data = gather([factory.write_run(tmp_path / "run", factory.nets())])
    page = str(verdict.render(data))
    shipped = re.findall(r"<li><strong>Ship</strong>.*?</li>", page, re.DOTALL)
    models = list(dict.fromkeys(case.record.case.model for case in data.cases))
    assert len(shipped) == len(models) == 3
    for model, answer in zip(models, shipped, strict=True):
        assert f">{model}</a> int8-static · litert-xnnpack · t1" in answer
        assert "as fast as fp32" in answer
        case = next(case for case in data.cases if case.name == f"{model} · int8-static · litert-xnnpack · t1")
        assert f'href="#{case.key}"' in answer


def test_answers_of_more_than_three_models_are_folded(tmp_path: Path) -> None:
    plans = [
        dataclasses.replace(plan, case=dataclasses.replace(plan.case, model=f"net{number}"))
        for number in range(5)
        for plan in factory.nets()[:2]
    ]
    page = str(verdict.render(gather([factory.write_run(tmp_path, plans)])))
    first, _, folded = page.partition("<summary>2 more models</summary>")
    assert (first.count("<strong>Ship</strong>"), folded.count("<strong>Ship</strong>")) == (3, 2)


def test_a_model_without_an_answer_says_why(tmp_path: Path) -> None:
    plans = [dataclasses.replace(plan, status="contended") for plan in factory.nets()[:2]]
    page = str(verdict.render(gather([factory.write_run(tmp_path, plans)])))
    assert "<strong>Nothing to ship</strong> of mobilenet_v2-0.35-32:" in page
    assert "2 contended of 2 cases" in page


@pytest.mark.parametrize(
    ("scenario", "metric", "title"),
    [("Offline", "throughput_per_s", "Throughput"), ("sustained", "sustained_p50_ns", "Sustained")],
)
def test_the_table_leads_with_the_metric_of_its_scenario(
    tmp_path: Path, scenario: str, metric: str, title: str
) -> None:
    run = factory.write_run(tmp_path, factory.nets()[:2])
    record = run.records()[0]
    case = dataclasses.replace(record.case, scenario=scenario)
    changed = dataclasses.replace(
        record,
        case=case,
        case_id=case.id,
        metrics={**record.metrics, metric: Value(3e6, 2.9e6, 3.1e6)},
    )
    run.append(changed)
    page = str(cases.render(gather([run])))
    head = re.findall(r'<th scope="col" class="num"[^>]*>([\w-]+)', page)
    assert head[0] == title
    assert "p50" in head
