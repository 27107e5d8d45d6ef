from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from harness import store
from reports.terminal.history import history_table
from tests import factory


@pytest.fixture
def lines(tmp_path: Path) -> list[str]:
    """Two nights of two cases, as a terminal of the usual 80 columns shows them."""
    with store.open(tmp_path / "store.sqlite", create=True) as nights:
        for day, shift in ((1, 1.0), (2, 1.5)):
            started = f"2026-01-0{day}T22:00:00Z"
            about = {"run_id": f"n{day}", "started_utc": started}
            run = factory.write_run(tmp_path / str(day), factory.nets()[:2], shift=shift, **about)
            nights.append(run)
        frame = nights.read(store.Filters(metric="latency_p50_ns"))
    out = io.StringIO()
    Console(file=out, width=80).print(history_table(frame))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_no_figure_and_no_heading_is_cut(lines: list[str]) -> None:
    assert not any("…" in line for line in lines)
    assert lines[1].split() == ["run", "(UTC)", "Latency", "p50", "ms", "change", "verdict", "commit"]


def test_units_of_one_target_have_blocks_of_their_own_which_name_them(tmp_path: Path) -> None:
    with store.open(tmp_path / "store.sqlite", create=True) as nights:
        for day, unit in enumerate(("u1", "u2", "u1")):
            host = {"machine_id": "card", "unit_id": unit}
            about = {"run_id": f"n{day}", "started_utc": f"2026-01-0{day + 1}T22:00:00Z", "host": host}
            nights.append(factory.write_run(tmp_path / str(day), factory.nets()[:1], shift=1 + day, **about))
        frame = nights.read(store.Filters(metric="latency_p50_ns"))
    out = io.StringIO()
    Console(file=out, width=80).print(history_table(frame))
    shown = out.getvalue().splitlines()
    headings = [number for number, line in enumerate(shown) if " on x86-64" in line]
    assert [shown[number].split()[-1] for number in headings] == ["u1", "u2"]
    assert [line[:10] for line in shown if line.startswith("2026")] == ["2026-01-01", "2026-01-03", "2026-01-02"]
    assert "+200.0 %" in shown[headings[1] - 1], "against the run before of the same unit"


def test_each_run_has_a_line_with_the_change_since_the_run_before(lines: list[str]) -> None:
    assert lines[0] == "mobilenet_v2-0.35-32|fp32|onnxruntime-cpu|t1  latency_p50_ns on x86-64"
    assert lines[2].startswith("2026-01-01 22:00  ")
    assert "%" not in lines[2]
    assert lines[3].startswith("2026-01-02 22:00  ")
    assert " +50.0 %  " in lines[3]


def of_nights(folder: Path, shifts: list[float], width: int) -> list[str]:
    """What a terminal of that width shows of so many nights, each so many times as slow as the first."""
    with store.open(folder / "store.sqlite", create=True) as nights:
        for day, shift in enumerate(shifts):
            about = {"run_id": f"n{day}", "started_utc": f"2026-01-{day + 1:02}T22:00:00Z"}
            nights.append(factory.write_run(folder / str(day), factory.nets()[:1], shift=shift, **about))
        frame = nights.read(store.Filters(metric="latency_p50_ns"))
    out = io.StringIO()
    Console(file=out, width=width).print(history_table(frame))
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 60])
def test_the_night_at_which_the_level_changed_is_marked(tmp_path: Path, width: int) -> None:
    shown = of_nights(tmp_path, [1.0, 1.001, 0.999, 1.0, 1.1, 1.101, 1.099, 1.1], width)
    assert max(map(len, shown)) <= width
    assert not any("…" in line for line in shown)
    marked = [line for line in shown if "◂ step" in line]
    assert [line[:10] for line in marked] == ["2026-01-05"]
    assert shown[-1] == "step at 2026-01-05 22:00: +10.0 %"


def test_nights_that_only_scatter_have_no_step(tmp_path: Path) -> None:
    shown = of_nights(tmp_path, [1.0, 1.002, 0.998, 1.001, 0.999, 1.0], 80)
    assert not any("step" in line for line in shown)
