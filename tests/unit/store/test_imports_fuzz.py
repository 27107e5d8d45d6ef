"""Whatever a file holds, an import gives whole runs with usable figures, or an error with a remedy and nothing else."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import EdgebenchError
from harness.core.quantity import Value
from harness.store.imports import SOURCES, read
from harness.store.imports.records import import_run
from tests.mutations import damaged_bytes, damaged_document

FOREIGN = Path(__file__).with_name("foreign")
FILES = sorted(FOREIGN.iterdir())
JSON_FILES = [file for file in FILES if file.suffix == ".json"]
EXAMPLES = settings(max_examples=60)


def import_or_refuse(contents: bytes, source: str | None = None) -> int:
    """Import a file with these contents; the number of cases, 0 where it was refused with a remedy."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "file").write_bytes(contents)
        try:
            run = import_run(read(folder / "file", source), folder / "file", folder / "run", "imported")
        except EdgebenchError as error:
            refusal = error
            run = None
        if run is None:
            assert refusal.message
            assert refusal.remedy
            assert [path.name for path in folder.iterdir()] == ["file"], "nothing is half made"
            return 0
        kept = run.contents()
        assert not kept.damaged
        assert not run.missing()
        for record in kept.records:
            for metric in ("latency_p50_ns", "throughput_per_s", "n_inferences"):
                figure = record.quantity(metric)
                assert not isinstance(figure, Value) or figure.value > 0, (metric, figure)
        return len(kept.records)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
@given(data=st.data())
@EXAMPLES
def test_damaged_bytes_are_imported_or_refused(file: Path, data: st.DataObject) -> None:
    source = data.draw(st.sampled_from([None, *SOURCES]))
    import_or_refuse(data.draw(damaged_bytes(file.read_bytes())), source)


@pytest.mark.parametrize("file", JSON_FILES, ids=lambda file: file.name)
@given(data=st.data())
@EXAMPLES
def test_other_values_in_the_json_are_imported_or_refused(file: Path, data: st.DataObject) -> None:
    document = data.draw(damaged_document(json.loads(file.read_text())))
    import_or_refuse(json.dumps(document).encode())


@given(data=st.data())
@EXAMPLES
def test_other_values_in_a_table_are_imported_or_refused(data: st.DataObject) -> None:
    lines = (FOREIGN / "benchmark_app.csv").read_text().splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(lines) - 1))
        value = data.draw(st.sampled_from(["0", "-1", "nan", "inf", "1e999", "4,07", "None", "", "x;y", "1e-320"]))
        lines[index] = f"{lines[index].partition(';')[0]};{value}"
    import_or_refuse("\n".join(lines).encode())


@given(data=st.data())
@EXAMPLES
def test_other_figures_in_a_log_are_imported_or_refused(data: st.DataObject) -> None:
    text = (FOREIGN / "benchmark_model.txt").read_text()
    number = data.draw(st.sampled_from(["0", "-5", "nan", "-nan", "inf", "1e999", "1.2.3", "1e", "9" * 400, "\x00"]))
    words = [word for word in text.replace(",", " ").replace("=", " ").split() if word[0].isdigit()]
    import_or_refuse(text.replace(data.draw(st.sampled_from(words)), number).encode())


def test_the_files_as_the_tools_wrote_them_are_imported_whole() -> None:
    assert [import_or_refuse(file.read_bytes()) for file in FILES] == [1, 1, 1, 1, 1, 2]


def test_a_mutation_reaches_every_kind_of_place() -> None:
    """What is drawn above is not always the same harmless thing."""
    found: list[Any] = []
    document = {"a": [1.0, 2.0], "b": {"c": "text"}}

    @given(damaged_document(document))
    @settings(max_examples=200, database=None)
    def collect(damaged: object) -> None:
        found.append(json.dumps(damaged))

    collect()
    assert len(set(found)) > 50
    assert any("NaN" in text for text in found)
