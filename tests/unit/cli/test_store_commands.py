"""history, store, export and import as a user calls them, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import cli
from harness.core.errors import EXIT_NOTHING_MEASURED, EXIT_OK, EXIT_SOME_FAILED, EXIT_USAGE
from harness.store.database.store import Store
from tests import factory

FOREIGN = Path(__file__).parents[1] / "store" / "foreign"
CASE = factory.nets()[0].case.id


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple]:
    """Exit code, output and errors of a command in an empty home; nights n0 to n2 are there as run folders."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("EDGEBENCH_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        about = {"run_id": f"n{number}", "started_utc": f"2026-01-{number + 1:02d}T22:00:00Z"}
        factory.write_run(tmp_path / f"n{number}", factory.nets()[:2], shift=1 + number / 10, **about)

    def run(*words: str | Path) -> tuple[int, str, str]:
        code = cli.main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_history_from_adding_to_reading(call: Callable[..., tuple]) -> None:
    code, _, err = call("history")
    assert code == EXIT_USAGE
    assert "edgebench store add RUN creates one" in err
    assert call("store", "add", "n0", "n1", "n2")[0] == EXIT_OK
    code, out, _ = call("history", "--case", CASE)
    assert code == EXIT_OK
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("2026")] == [
        ["2026-01-01", "22:00"], ["2026-01-02", "22:00"], ["2026-01-03", "22:00"],
    ]  # fmt: skip
    assert "+10.0 %" in out
    code, out, _ = call("history", "--model", "mobilenet_v2", "--since", "2026-01-02", "--metric", "top1", "--json")
    assert [(row["run"], row["value"]) for row in json.loads(out)][:2] == [("n1", 0.919)] * 2
    code, out, _ = call("history", "latest", "--case", CASE, "--metric", "latency_p50_ns", "--format", "csv")
    assert out.splitlines()[1].endswith(",n2,n1")
    assert call("history", "--model", "nothing")[0] == EXIT_USAGE
    assert call("history", "--metric", "latency")[0] == EXIT_USAGE


def test_resets_are_declared_and_listed(call: Callable[..., tuple]) -> None:
    call("store", "add", "n0")
    code, out, _ = call("history", "reset", "--case", CASE, "--reason", "new cooler", "--at", "2026-01-02")
    assert (code, out.split()[1:]) == (EXIT_OK, ["series", "reset"])
    listed = json.loads(call("history", "resets", "--json")[1])
    assert {(row["reason"], row["at_utc"][:10], row["case"]) for row in listed} == {("new cooler", "2026-01-02", CASE)}
    assert call("history", "reset")[0] == EXIT_USAGE
    assert call("history", "--reason", "no reset")[0] == EXIT_USAGE


def test_store_add_goes_on_after_a_run_that_cannot_be_read(call: Callable[..., tuple], tmp_path: Path) -> None:
    code, out, err = call("store", "add", "nowhere", "n0", "--store", tmp_path / "other.sqlite")
    assert code == EXIT_SOME_FAILED
    assert "nowhere" in err
    assert "n0: 2 cases" in out
    assert call("store", "add", "nowhere")[0] == EXIT_USAGE


def test_store_check_and_path(call: Callable[..., tuple], tmp_path: Path) -> None:
    place = tmp_path / "data" / "edgebench" / "store.sqlite"
    assert call("store", "path")[1].strip() == str(place)
    call("store", "add", "n0")
    assert call("store", "check")[:2] == (EXIT_OK, f"{place} is intact\n")
    next(place.with_suffix(".raw").rglob("*.npz")).unlink()
    code, out, _ = call("store", "check")
    assert code == EXIT_SOME_FAILED
    assert "No such file" in out


def test_export_of_a_folder_and_of_the_store_say_the_same(call: Callable[..., tuple], tmp_path: Path) -> None:
    call("store", "add", "n0", "n1", "n2")
    for name in ("csv", "pytest-benchmark", "bmf", "gha", "junit", "markdown"):
        assert call("export", "n1", "--format", name, "--out", "a")[0] == EXIT_OK
        assert call("export", "--run", "n1", "--format", name, "--out", "b")[0] == EXIT_OK
        assert Path("a").read_bytes() == Path("b").read_bytes()
    assert call("export", "--format", "prometheus", "--out", "a.txt")[0] == EXIT_USAGE
    assert call("export", "--format", "prometheus", "--out", "a.prom")[0] == EXIT_OK
    with Store() as store:
        newest = store.records("n2")[0].value("latency_p50_ns") / 1e9
    assert f" {newest!r}\n" in Path("a.prom").read_text()
    assert call("export", "n0", "n1", "--format", "gha")[0] == EXIT_USAGE
    failed = factory.write_run(tmp_path / "failed", factory.troubled()[3:6])
    assert call("export", failed.path, "--format", "gha")[0] == EXIT_NOTHING_MEASURED


def test_import_makes_a_run_and_adds_it_to_the_store_that_is_asked_for(
    call: Callable[..., tuple], tmp_path: Path
) -> None:
    place = tmp_path / "kept.sqlite"
    code, out, _ = call("import", FOREIGN / "benchmark_model.txt", "--store", place, "--out", "imported")
    assert code == EXIT_OK
    assert "1 case of benchmark_model: imported" in out
    with Store(place) as store:
        assert store.read().model.unique().tolist() == ["mobilenet_v1_1.0_224"]
    assert not (tmp_path / "data").exists()  # nobody asked for the user's own store
    assert call("import", "n0/run.json")[0] == EXIT_USAGE


def test_unlike_runs_are_compared_only_by_force_and_labelled(call: Callable[..., tuple], tmp_path: Path) -> None:
    factory.write_run(tmp_path / "pi", factory.nets()[:2], target="raspberry-pi-5")
    code, _, err = call("compare", "n0", "pi")
    assert code == EXIT_USAGE
    assert "target: x86-64 and raspberry-pi-5" in err
    code, out, _ = call("compare", "n0", "pi", "--force")
    assert code == EXIT_OK
    assert "forced comparison of runs that differ: target: x86-64 and raspberry-pi-5" in out


def test_a_run_of_two_names_is_added_once(call: Callable[..., tuple], tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to("n0")
    code, out, _ = call("store", "add", "n0", "latest")
    assert code == EXIT_OK
    assert [line.partition(":")[0] for line in out.splitlines()] == ["n0"]


def test_what_cannot_be_read_is_named_without_a_number_of_the_system(call: Callable[..., tuple]) -> None:
    code, _, err = call("import", "benchmark.json")
    assert code != EXIT_OK
    assert "benchmark.json: No such file or directory\n" in err
    assert "Errno" not in err
