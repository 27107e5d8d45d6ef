"""The Python API on a shipped net, and the examples in its docstrings and in docs/python.md."""

from __future__ import annotations

import doctest
import re
import threading
from importlib import import_module
from pathlib import Path

import pytest

import edgebench as eb
from edgebench import _MODULES
from harness.store.frame import csv_text
from tests import factory
from tests.e2e.conftest import called, places

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTED = [*sorted({module for module in _MODULES.values() if module.startswith("edgebench")}), "edgebench.plugin"]


@pytest.fixture
def here(tmp_path: Path, own_onnx: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two runs and a model, as the examples name them."""
    monkeypatch.chdir(tmp_path)
    for name, value in places(tmp_path).items():
        monkeypatch.setenv(name, value)
    factory.write_run(tmp_path / "runs" / "first", factory.nets(), target="raspberry-pi-5")
    factory.write_run(tmp_path / "runs" / "second", factory.nets(), target="raspberry-pi-5", shift=1.2)
    return tmp_path


def test_a_shipped_net_is_measured_and_the_command_reads_the_same(here: Path, own_onnx: Path) -> None:
    """Measured in a thread, as a notebook's server or a service does."""
    found: list[eb.Results] = []
    options = {"runtimes": ["onnxruntime-cpu"], "profile": "smoke", "out": here / "own"}
    thread = threading.Thread(target=lambda: found.append(eb.benchmark(own_onnx, progress=False, **options)))
    thread.start()
    thread.join()
    (results,) = found
    (record,) = results.records
    assert record.value("latency_p50_ns")
    assert record.case.runtime == "onnxruntime-cpu"
    assert csv_text(results.frame) == called(here, "table", here / "own", "--format", "csv").stdout
    assert results.report().is_file()
    assert record.verdict.status in results._repr_html_()


def test_a_file_that_is_no_model_measures_nothing(here: Path) -> None:
    (here / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(eb.EdgebenchError) as caught:
        eb.benchmark("broken.onnx", runtimes="onnxruntime-cpu", profile="smoke", progress=False)
    assert caught.value.remedy


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_examples_in_docstrings_are_true(here: Path, name: str) -> None:
    outcome = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_the_examples_of_the_page_are_true(here: Path) -> None:
    outcome = doctest.testfile(str(DOCS / "python.md"), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert outcome.attempted > 5
    assert outcome.failed == 0


def test_the_page_names_every_keyword_and_every_name() -> None:
    from edgebench._options import AbOptions, Bounds, RunOptions

    text = re.sub(r"^```.*?^```$", "", (DOCS / "python.md").read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    code = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", text))))
    keywords = {name for options in (RunOptions, AbOptions, Bounds) for name in options.__annotations__}
    assert keywords | set(eb.__all__) <= code
