from __future__ import annotations

import dataclasses
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.core.case import Case
from harness.core.errors import NothingMeasured, UnknownName
from harness.store.runfolder import RunFolder
from reports.data import ReportData, gather
from tests import factory

pytest.importorskip("matplotlib")

from reports.paper.figures import ecdf, front, heatmap, history
from reports.paper.figures.build import FIGURES, write_figures
from reports.paper.figures.style import (
    COLOURS,
    MARKERS,
    Drawn,
    drawable,
    file_content,
    paper_style,
)


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with paper_style():
        yield


def runs(folder: Path, count: int, plans: Sequence[factory.Plan], shift: float = 1.0) -> list[RunFolder]:
    """Runs of one target on following days; from the second half on every latency is `shift` times as long."""
    return [
        factory.write_run(
            folder / str(day), plans, shift=shift if day > count / 2 else 1.0, run_id=f"r{day}",
            started_utc=f"2026-01-{day + 1:02}T00:00:00Z",
        )
        for day in range(count)
    ]  # fmt: skip


@pytest.fixture
def nets(tmp_path: Path) -> ReportData:
    return gather([factory.write_run(tmp_path / "nets", factory.nets())])


@pytest.fixture
def troubled(tmp_path: Path) -> ReportData:
    return gather([factory.write_run(tmp_path / "troubled", [*factory.nets()[:4], *factory.troubled()])])


def only(drawn: object) -> Drawn:
    assert isinstance(drawn, list)
    assert len(drawn) == 1
    return drawn[0]


def texts(figure: Any) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def labels(figure: Any) -> list[Any]:
    from matplotlib.text import Annotation

    return [each for each in figure.findobj(Annotation) if each.get_text()]


@pytest.mark.parametrize("kind", list(FIGURES))
def test_a_figure_has_its_width_and_is_the_same_every_time(tmp_path: Path, kind: str) -> None:
    data = gather(runs(tmp_path, 4, factory.nets()[:8]))
    wide, *same = (FIGURES[kind](data, width) for width in (180.0, 88.0, 88.0))
    for drawn, width in ((wide, 180.0), (same[0], 88.0)):
        assert isinstance(drawn, list)
        assert all(each.figure.get_size_inches()[0] == pytest.approx(width / 25.4) for each in drawn)
    for first, second in zip(*same, strict=True):
        for file_format in ("svg", "pdf", "png"):
            content = file_content(first.figure, file_format)  # type: ignore[arg-type]
            assert content == file_content(second.figure, file_format)  # type: ignore[arg-type]
            assert b"Date" not in content


def test_pdf_fonts_are_embedded_as_truetype(nets: ReportData) -> None:
    pypdf = pytest.importorskip("pypdf")
    page = pypdf.PdfReader(io.BytesIO(file_content(only(front.draw(nets, 88.0)).figure, "pdf"))).pages[0]
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        assert font["/Subtype"] == "/Type0"
        assert "/FontFile2" in font["/DescendantFonts"][0].get_object()["/FontDescriptor"]
    assert float(page.mediabox.width) == pytest.approx(88.0 / 25.4 * 72)


def test_settings_differ_in_symbol_and_colour_and_runtimes_in_their_filling(nets: ReportData) -> None:
    axes = only(front.draw(nets, 88.0)).figure.axes[0]
    styles = {(line.get_marker(), line.get_color(), line.get_fillstyle())
              for line in axes.lines if line.get_marker() != "None"}  # fmt: skip
    assert len(styles) == 8
    assert len({marker for marker, _, _ in styles}) == len({colour for _, colour, _ in styles}) == 4
    assert len({fill for *_, fill in styles}) == 2
    assert len(set(COLOURS)) == len(COLOURS)
    assert len(set(MARKERS)) == len(MARKERS)


@pytest.mark.parametrize("width", [88.0, 130.0, 180.0])
def test_every_case_of_the_front_is_named_and_no_name_covers_another(nets: ReportData, width: float) -> None:
    drawn = only(front.draw(nets, width))
    drawn.figure.draw_without_rendering()
    renderer = drawn.figure.canvas.get_renderer()
    frame = drawn.figure.axes[0].get_window_extent()
    found = labels(drawn.figure)
    boxes = [label.get_window_extent(renderer) for label in found]
    assert len(found) == 7
    assert drawn.notes == []
    assert "shufflenet_v2-0.5-32\nint8-static" in [label.get_text() for label in found]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    for box in boxes:
        assert frame.x0 <= box.x0 <= box.x1 <= frame.x1
        assert frame.y0 <= box.y0 <= box.y1 <= frame.y1


def test_names_without_room_are_in_a_note(tmp_path: Path) -> None:
    plans = [
        factory.Plan(
            Case(f"model_{n:02}", "fp32", "onnxruntime-cpu", dataset="d"),
            int((1 + n / 100) * factory.MILLISECOND),
            top1=0.8 + n / 200,
        )
        for n in range(30)
    ]
    drawn = only(front.draw(gather([factory.write_run(tmp_path, plans)]), 60.0))
    (note,) = drawn.notes
    assert note.startswith("no room for the names of: model_")
    named = len(labels(drawn.figure))
    assert named >= 1
    assert named + note.count("model_") == 30


@pytest.mark.parametrize(("name", "unit"), [("front", "(ms)"), ("ecdf", "(ms)"), ("heatmap", "(ms)")])
def test_axes_have_titles_with_units(nets: ReportData, name: str, unit: str) -> None:
    drawn = FIGURES[name](nets, 88.0)
    assert isinstance(drawn, list)
    assert any(text.startswith("Latency") and unit in text for text in texts(drawn[0].figure))
    if name == "front":
        assert "Top-1 (%)" in texts(drawn[0].figure)
    if name == "ecdf":
        assert "Inferences (%)" in texts(drawn[0].figure)


def test_a_logarithmic_axis_has_at_least_five_written_ticks(nets: ReportData) -> None:
    drawn = [only(front.draw(nets, 88.0)), only(ecdf.draw(nets, 88.0))]
    for axes in [axes for each in drawn for axes in each.figure.axes]:
        assert axes.get_xscale() == "log"
        low, high = axes.get_xlim()
        assert sum(low <= tick <= high for tick in axes.get_xticks()) >= 5
        assert all(label.get_text() for label in axes.get_xticklabels())


def test_what_cannot_be_trusted_is_left_out_with_a_note(troubled: ReportData) -> None:
    drawn = only(ecdf.draw(troubled, 180.0))
    assert drawn.notes == ["2 cases left out that cannot be trusted: 1 contended, 1 no-steady-state"]
    assert sum(len(axes.lines) for axes in drawn.figure.axes) == 4 + 1 + 1


def test_an_untrusted_case_is_on_no_front(tmp_path: Path) -> None:
    plans = factory.nets()[:4]
    fastest = dataclasses.replace(plans[3], status="contended")
    drawn = only(front.draw(gather([factory.write_run(tmp_path, [*plans[:3], fastest])]), 88.0))
    assert drawn.notes == ["1 case left out that cannot be trusted: 1 contended"]
    assert [label.get_text() for label in labels(drawn.figure)] == ["fp32"]


def test_a_latency_far_out_does_not_squash_the_rest(tmp_path: Path) -> None:
    run = factory.write_run(tmp_path, factory.nets()[:1])
    record = run.records()[0]
    arrays = run.blob(record.processes[0].blob.sha256)
    wall = arrays["wall_ns"].copy()
    wall[0] *= 1000
    sha256, length = run.put_blob({**arrays, "wall_ns": wall})
    blob = dataclasses.replace(record.processes[0].blob, sha256=sha256, n=length)
    first = dataclasses.replace(record.processes[0], blob=blob)
    run.append(dataclasses.replace(record, processes=(first, *record.processes[1:])))
    drawn = only(ecdf.draw(gather([run]), 88.0))
    assert drawn.notes == ["the axis ends where 99.9% of the inferences of the slowest case do"]
    assert drawn.figure.axes[0].get_xlim()[1] < 10


def test_cells_have_value_and_ratio_and_a_sign_or_hatching_for_the_rest(troubled: ReportData) -> None:
    by_compression, by_runtime = heatmap.draw(troubled, 180.0)  # type: ignore[misc]
    assert {"1.90", "1.84", "\N{MULTIPLICATION SIGN}0.97", "14.0"} <= set(texts(by_compression.figure))
    hatched = [patch for axes in by_compression.figure.axes for patch in axes.patches if patch.get_hatch()]
    assert len(hatched) == 2
    assert by_compression.notes[0] == "hatched, not trusted: 1 contended case, 1 no-steady-state case"
    assert "✕: 1 crashed case, 1 out-of-memory case" in by_runtime.notes
    assert "✕" in texts(by_runtime.figure)


def test_a_history_shows_ratios_and_names_what_changed(tmp_path: Path) -> None:
    plans = factory.nets()[:2]
    data = gather(runs(tmp_path, 8, plans, shift=1.2))
    drawn = only(history.draw(data, 88.0))
    axes = drawn.figure.axes[0]
    lines = [line for line in axes.lines if line.get_marker() != "None"]
    assert sorted(line.get_label() for line in lines) == sorted(plan.case.id for plan in plans)
    for line in lines:
        assert line.get_ydata()[0] == pytest.approx(1.0)
        assert line.get_ydata()[-1] == pytest.approx(1.2, rel=0.01)
    assert drawn.notes == []
    assert {"Start of the run (UTC)", "Latency p50 / first level"} <= set(texts(drawn.figure))


def test_untrusted_runs_of_a_case_are_left_out_of_its_history(tmp_path: Path) -> None:
    folders = runs(tmp_path, 4, factory.nets()[:2])
    contended = [dataclasses.replace(factory.nets()[0], status="contended"), factory.nets()[1]]
    folders += [factory.write_run(tmp_path / "x", contended, run_id="x", started_utc="2026-02-01T00:00:00Z")]
    drawn = only(history.draw(gather(folders), 88.0))
    assert drawn.notes == ["1 measurement left out that cannot be trusted: 1 contended"]
    assert sorted(len(line.get_xdata()) for line in drawn.figure.axes[0].lines) == [4, 5]


def test_two_targets_have_two_histories(tmp_path: Path) -> None:
    folders = runs(tmp_path / "a", 2, factory.nets()[:1])
    folders += [
        factory.write_run(tmp_path / f"b{day}", factory.nets()[:1], target="board: b", run_id=f"b{day}",
                          started_utc=f"2026-01-{day:02}T00:00:00Z")
        for day in (1, 2)
    ]  # fmt: skip
    drawn = history.draw(gather(folders), 88.0)
    assert isinstance(drawn, list)
    assert sorted(each.name for each in drawn) == ["history-board-b", "history-x86-64"]


def test_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    names = ["$a$_b^{c}", "{x}", "\\alpha", "a" * 100, "米"]
    cases = [Case(name, "fp32", "onnxruntime-cpu", dataset="d") for name in names]
    plans = [factory.Plan(case, 2_000_000 + 100_000 * n, top1=0.8 + n / 50) for n, case in enumerate(cases)]
    result = write_figures(gather([factory.write_run(tmp_path / "run", plans)]), tmp_path / "out", "svg", 180.0)
    assert len(result.written) == 3
    assert drawable("米\na") == "\N{WHITE SQUARE}\na"
    assert drawable("$x$") == "$x$"
    assert len(drawable("a" * 100)) < 60


def test_figures_without_data_say_why(tmp_path: Path, nets: ReportData) -> None:
    result = write_figures(nets, tmp_path / "out", "png")
    assert [written.path.name for written in result.written] == [
        "front.png", "ecdf.png", "heatmap.png", "heatmap-runtimes.png"
    ]  # fmt: skip
    assert dict(result.absent) == {"history": "a history needs two runs on one machine in which a case can be trusted"}
    with pytest.raises(NothingMeasured, match="a history needs two runs"):
        write_figures(nets, tmp_path / "none", names=["history"])
    with pytest.raises(UnknownName, match="did you mean 'ecdf'"):
        write_figures(nets, tmp_path / "none", names=["ecdff"])
    assert not (tmp_path / "none").exists()


def test_nothing_measured_draws_nothing(tmp_path: Path) -> None:
    data = gather([factory.write_run(tmp_path / "run", factory.troubled()[3:7])])
    with pytest.raises(NothingMeasured, match="nothing to draw"):
        write_figures(data, tmp_path / "out")
