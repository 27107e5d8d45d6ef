"""Measuring from Python: what a run that ends early or empty comes to, and who is told of progress."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import edgebench as eb
from edgebench import _progress
from edgebench._progress import NotebookProgress, notifier, shown, wanted
from harness.cli import ab as ab_command
from harness.cli import run as run_command
from harness.cli._progress import RunProgress
from harness.core.record import Record
from harness.measure.block import Step
from harness.store.runfolder import RunFolder
from tests import factory


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Let the next measurement have come to these cases; the configurations that were measured."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("EDGEBENCH_STORE", raising=False)
    configurations: list[Any] = []

    def finish(plans: Sequence[factory.Plan], interrupted: bool = False) -> list[Any]:
        session = SimpleNamespace(folder=factory.write_run(tmp_path / "run", plans), interrupted=interrupted)
        monkeypatch.setattr(run_command, "planned", lambda *_: SimpleNamespace(cases=plans, prepared=()))
        monkeypatch.setattr(run_command, "measured", lambda config, *_: configurations.append(config) or session)
        return configurations

    return finish


def test_benchmark_measures_one_or_several_models(finished: Callable[..., list[Any]]) -> None:
    configurations = finished(factory.nets())
    results = eb.benchmark("a.onnx", threads=2)
    assert len(results.records) == 24
    eb.benchmark([Path("a.onnx"), "b.tflite"], compress=["fp16", "int8-static"], data=Path("photos"))
    one, two = configurations
    assert (one.suite, one.models, one.threads) == (None, ["a.onnx"], 2)
    assert (two.models, two.compress, two.data) == (["a.onnx", "b.tflite"], "fp16,int8-static", "photos")
    assert one.command == ("edgebench", "run", "--threads", "2", "--model", "a.onnx")


def test_run_measures_a_suite(finished: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]) -> None:
    configurations = finished(factory.nets())
    assert eb.run("compression", profile="smoke").path.name == "run"
    assert (configurations[0].suite, configurations[0].profile) == ("compression", "smoke")
    assert capsys.readouterr().out == "", "standard output is the program's own"


def test_no_model_is_refused_before_the_quick_suite_is_measured_in_its_place() -> None:
    with pytest.raises(eb.UsageError, match="no model to measure"):
        eb.benchmark([])


def test_nothing_measured_is_an_error_with_the_reasons_and_a_remedy(finished: Callable[..., list[Any]]) -> None:
    failed = [plan for plan in factory.troubled() if plan.status in ("crashed", "timeout", "unsupported")]
    finished(failed)
    with pytest.raises(eb.NothingMeasured, match=r"no case was measured; crashed: .*\n  see why: edgebench explain"):
        eb.run("quick")


def test_a_run_without_a_record_is_nothing_measured(finished: Callable[..., list[Any]]) -> None:
    finished([])
    with pytest.raises(eb.NothingMeasured, match="no case was measured"):
        eb.run("quick")


def test_some_failed_cases_are_among_the_results_with_their_verdicts(finished: Callable[..., list[Any]]) -> None:
    finished(factory.troubled())
    assert {"crashed", "timeout", "precise"} <= set(eb.run("quick").frame.verdict)


def test_an_interrupt_is_raised_and_names_the_folder(finished: Callable[..., list[Any]], tmp_path: Path) -> None:
    finished(factory.nets(), interrupted=True)
    with pytest.raises(KeyboardInterrupt, match=str(tmp_path / "run")):
        eb.run("quick")


def test_a_run_is_added_to_the_store_that_is_named(finished: Callable[..., list[Any]], tmp_path: Path) -> None:
    from harness import store

    finished(factory.nets())
    eb.run("quick", store=str(tmp_path / "mine.sqlite"))
    assert len(store.read(tmp_path / "mine.sqlite", form="wide")) == 24


def test_an_export_without_settings_is_refused(finished: Callable[..., list[Any]]) -> None:
    finished(factory.nets())
    with pytest.raises(eb.UsageError, match="export without compress"):
        eb.benchmark("a.onnx", export="built")


class Terminal(io.StringIO):
    """Standard error on a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_and_in_a_notebook_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert (wanted(None), wanted(True), wanted(False)) == (False, True, False)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert (wanted(None), wanted(True), wanted(False)) == (True, True, False)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(_progress, "in_notebook", lambda: True)
    assert (wanted(None), wanted(True), wanted(False)) == (True, True, False)


def test_without_progress_warnings_go_to_the_log(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO, "edgebench"):
        notifier(False)("powersave")
    assert caplog.messages == ["powersave"]
    notifier(True)("performance")
    assert capsys.readouterr().err == "performance\n"


class Handle:
    """What IPython's `display` returns: a place in the page whose content can be replaced."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def __call__(self, data: dict[str, str], raw: bool, display_id: bool) -> Handle:
        assert raw
        assert display_id
        self.shown.append(data)
        return self

    def update(self, data: dict[str, str], raw: bool) -> None:
        assert raw
        self.shown.append(data)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Handle:
    """The page of a notebook."""
    handle, ipython = Handle(), ModuleType("IPython")
    ipython.display = SimpleNamespace(display=handle)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    return handle


@pytest.fixture
def records(tmp_path: Path) -> list[Record]:
    folder: RunFolder = factory.write_run(tmp_path / "run", factory.troubled())
    return folder.records()


def test_a_notebook_shows_one_changing_line_and_escapes_it(notebook: Handle, records: list[Record]) -> None:
    hostile = next(record for record in records if record.case.model == factory.HOSTILE)
    plan: Any = SimpleNamespace(cases=[1, 2])
    with shown(None, plan) as progress:
        progress.show(Step("latency", 1, 2))
        progress.show(hostile)
    texts = [each["text/plain"] for each in notebook.shown]
    assert texts[:2] == ["0/2 cases  starting", "0/2 cases  latency"]
    assert texts[2].startswith("1/2 cases  ✕ ")
    assert texts[3].startswith("1/2 cases  done")
    assert all("<script>" not in each["text/html"] for each in notebook.shown)


def test_a_notebook_says_that_a_run_ended_early(notebook: Handle) -> None:
    with pytest.raises(KeyboardInterrupt), NotebookProgress(3):
        raise KeyboardInterrupt
    assert notebook.shown[-1]["text/plain"] == "0/3 cases  ended early"


def test_a_program_that_wants_no_progress_has_none(
    records: list[Record], notebook: Handle, capsys: pytest.CaptureFixture[str]
) -> None:
    plan: Any = SimpleNamespace(cases=records, blocks=(), refused=())
    display = shown(False, plan)
    assert isinstance(display, RunProgress)
    with display as progress:
        progress.show(records[0])
    assert (notebook.shown, capsys.readouterr()) == ([], ("", ""))


def test_progress_outside_a_notebook_is_on_standard_error(
    records: list[Record], capsys: pytest.CaptureFixture[str]
) -> None:
    plan: Any = SimpleNamespace(cases=records, blocks=(), refused=())
    with shown(True, plan) as progress:
        progress.show(records[0])
    out, err = capsys.readouterr()
    assert out == ""
    assert records[0].case.model in err


def ab_session(failure: object, comparison: object) -> Any:
    return SimpleNamespace(
        words=["B is faster", "but"],
        measured=SimpleNamespace(failure=failure, comparison=comparison),
        document=lambda interrupted=False: {"interrupted": interrupted},
    )


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the next comparison have come to this."""

    def compare(failure: object = None, comparison: object = None, interrupted: bool = False) -> None:
        monkeypatch.setattr(ab_command, "session_of", lambda *_: ab_session(failure, comparison))
        monkeypatch.setattr(ab_command, "measured", lambda *_, show: interrupted)

    return compare


def test_ab_returns_the_outcome_in_words_and_figures(compared: Callable[..., None], tmp_path: Path) -> None:
    compared(comparison=SimpleNamespace(verdict="faster"))
    result = eb.ab("a.onnx", "b.onnx", out=tmp_path / "ab.json")
    assert (result.sentence, result.warnings, result.verdict) == ("B is faster", ("but",), "faster")
    assert repr(result) == "AbResult(sentence='B is faster')"
    assert '"interrupted": false' in (tmp_path / "ab.json").read_text()


@pytest.mark.parametrize(
    ("failure", "comparison"), [("crashed", None), (None, None), ("crashed", SimpleNamespace(verdict="same"))]
)
def test_ab_without_an_answer_is_nothing_measured(
    compared: Callable[..., None], failure: object, comparison: object
) -> None:
    compared(failure, comparison)
    with pytest.raises(eb.NothingMeasured, match="B is faster"):
        eb.ab("a.onnx", "b.onnx")


def test_an_interrupted_ab_saves_its_pairs_and_is_raised(compared: Callable[..., None], tmp_path: Path) -> None:
    compared(comparison=SimpleNamespace(verdict="same"), interrupted=True)
    with pytest.raises(KeyboardInterrupt):
        eb.ab("a.onnx", "b.onnx", out=tmp_path / "ab.json")
    assert '"interrupted": true' in (tmp_path / "ab.json").read_text()
