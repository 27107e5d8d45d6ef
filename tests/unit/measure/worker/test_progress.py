"""What a worker notes of its progress outlives it, a line that was not finished excepted."""

from __future__ import annotations

from pathlib import Path

from harness.measure.worker import progress

MS = 1_000_000
LOADED = "the library was imported in 0.2 s, the model loaded in 1.5 s"


def test_facts_are_read_up_to_the_line_that_was_not_finished(tmp_path: Path) -> None:
    assert progress.noted(tmp_path) == {}
    progress.note(str(tmp_path), import_ns=1)
    progress.note(str(tmp_path), images=10)
    progress.note(str(tmp_path), images=20)
    with (tmp_path / progress.FILE).open("a") as file:
        file.write('{"images": 3')
    assert progress.noted(tmp_path) == {"import_ns": 1, "images": 20}


def test_a_folder_that_cannot_be_written_to_ends_no_worker(tmp_path: Path) -> None:
    progress.note(str(tmp_path / "missing"), import_ns=1)
    assert progress.noted(tmp_path / "missing") == {}


def test_a_process_that_takes_no_latency_tells_how_far_it_came() -> None:
    loaded = {"import_ns": 200 * MS, "load_ns": 1500 * MS}
    assert progress.doing({**loaded, "images": 40}, "accuracy") == f"after 40 images; {LOADED}"
    assert progress.doing(loaded, "accuracy") == f"after no images; {LOADED}"
    assert progress.doing(loaded, "probe") == f"at its work; {LOADED}"
