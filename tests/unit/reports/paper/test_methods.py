from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import NothingMeasured
from harness.core.quantity import Missing
from harness.core.record import Record, RunHeader
from harness.core.verdict import Finding
from harness.store.runfolder import RunFolder
from reports.effect import shown_effect
from reports.paper.methods.text import FORMATS, bibtex, latex, markdown, paragraphs, plain_text
from tests import factory
from tests.latex import compiled

ROOT = Path(__file__).parents[4]
HOST: dict[str, Any] = {
    "board": "Raspberry Pi 5 Model B",
    "cpu_model": "4x Cortex-A76",
    "cores": 4,
    "memory_bytes": 8 << 30,
    "os": "Debian GNU/Linux 12",
    "kernel": "6.6.31",
    "hypervisor": "",
    "container": "docker",
}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    plans = [*factory.nets(joules=True)[:4], *factory.troubled()]
    return factory.write_run(tmp_path / "run", plans)


def text(run: RunFolder, title: str = "", **changes: object) -> str:
    header = dataclasses.replace(run.header(), **changes)  # type: ignore[arg-type]
    return " ".join(each.text for each in paragraphs(header, run.records()) if title in ("", each.title))


def of_records(header: RunHeader, records: list[Record], title: str) -> str:
    return next(each.text for each in paragraphs(header, records) if each.title == title)


def test_the_text_is_that_of_the_golden_file(run: RunFolder) -> None:
    golden = Path(__file__).parent / "golden" / "methods.txt"
    assert plain_text(run.header(), run.records()) == golden.read_text(encoding="utf-8")


def test_what_the_record_has_is_named(run: RunFolder) -> None:
    found = text(run, "Setup", host=HOST, provenance={
        "python": {"version": "3.12.3"}, "edgebench": {"commit": "0123456789abcdef", "dirty": True}, "ambient_c": 21.5,
        "power_supply": "official 27 W",
    })  # fmt: skip
    assert "Machine: board Raspberry Pi 5 Model B, processor 4x Cortex-A76, 4 logical processors, 8.0 GiB" in found
    assert "operating system Debian GNU/Linux 12, kernel 6.6.31, Python 3.12.3, in a container (docker)" in found
    assert "onnxruntime-cpu 1.0 and litert-xnnpack 1.0, driven by edgebench 0.1.0 (commit 0123456789, with" in found
    assert "Ambient temperature: 21.5 °C; power supply: official 27 W." in found


def test_what_the_record_lacks_is_said(run: RunFolder) -> None:
    host = {"board": None, "unknown": {"board": "neither a device tree nor DMI names the board"}}
    found = text(run, "Setup", host=host, versions={}, findings=(), provenance={})
    assert "board not recorded (neither a device tree nor DMI names the board), processor not recorded" in found
    assert "number of processors not recorded, memory not recorded" in found
    assert "kernel not recorded, Python version not recorded" in found
    assert "edgebench (version not recorded)" in found
    assert "frequency governor not recorded; turbo not recorded" in found
    assert "Ambient temperature: not recorded; power supply: not recorded." in found
    assert "version" not in bibtex(dataclasses.replace(run.header(), versions={}))


def test_a_version_is_the_one_that_measured_and_else_not_recorded(run: RunFolder) -> None:
    records = [dataclasses.replace(record, runtime_info={}) for record in run.records()]
    assert "onnxruntime-cpu (version not recorded)" in of_records(run.header(), records, "Setup")
    records[0] = dataclasses.replace(records[0], runtime_info={"version": "9.9"})
    assert "onnxruntime-cpu 9.9" in of_records(run.header(), records, "Setup")


def test_findings_of_the_machine_are_named_settings_and_objections_apart(run: RunFolder) -> None:
    findings = (Finding("governor", "ok", "performance"), Finding("load", "fail", "load average 2.9"),
                Finding("swap", "ok", "none"))  # fmt: skip
    found = text(run, "Setup", findings=findings)
    assert "frequency governor performance; turbo not recorded." in found
    assert "Checks before the run objected to load: load average 2.9." in found
    assert "swap" not in found


@pytest.mark.parametrize(
    ("count", "profile", "method"),
    [
        (3, "quick", "Student's t on logarithms"),
        (7, "quick", "interpolated order statistics"),
        (7, "full", "Student's t on logarithms"),  # a look has a higher level, which the range of 7 does not reach
        (10, "full", "interpolated order statistics"),
        (10, "of another version", "interpolated order statistics"),
    ],
)
def test_the_interval_is_the_one_that_so_many_processes_get(
    run: RunFolder, count: int, profile: str, method: str
) -> None:
    record = run.records()[0]
    several = dataclasses.replace(record, processes=(record.processes * 4)[:count])
    found = of_records(dataclasses.replace(run.header(), profile=profile), [several], "Latency")
    assert f"95 % intervals over {count} processes are {method}" in found
    assert f"Each case ran in {count} fresh processes" in found


def test_one_process_has_no_interval_and_shows_no_effect(run: RunFolder) -> None:
    record = run.records()[0]
    alone = [dataclasses.replace(record, processes=record.processes[:1])]
    assert "1 case ran in one process and has no interval." in of_records(run.header(), alone, "Latency")
    assert "no trusted case has two processes or more" in of_records(run.header(), alone, "Validity")


def test_looks_are_named_where_the_profile_has_them(run: RunFolder) -> None:
    record = run.records()[0]
    five = [dataclasses.replace(record, processes=(record.processes * 2)[:5])]
    full = dataclasses.replace(run.header(), profile="full")
    assert "spent over the planned looks (Lan and DeMets 1983)" in of_records(full, five, "Latency")
    assert "planned looks" not in of_records(run.header(), five, "Latency")


def test_numbers_of_inferences_are_those_of_the_processes(run: RunFolder) -> None:
    record = run.records()[0]
    longer = dataclasses.replace(record.processes[0], n_timed=900, n_warmup=55)
    found = of_records(
        run.header(), [dataclasses.replace(record, processes=(longer, *record.processes[1:]))], "Latency"
    )
    assert "left out 20 to 55 inferences as warm-up" in found
    assert "timed 400 to 900 inferences (1,700 per case)" in found


def test_verdicts_are_counted_and_the_effect_is_that_of_the_trusted(run: RunFolder) -> None:
    found = text(run, "Validity")
    assert "Verdicts of the 13 cases: 6 precise, 2 crashed, 1 contended" in found
    assert "Of contended and no-steady-state cases these figures are left out of comparisons: times, energy." in found
    effects = sorted(100 * each for record in run.records() if isinstance(each := shown_effect(record), float))
    assert f"with 80 % probability is {effects[0]:.2g} % to {effects[-1]:.2g} % of the latency" in found
    assert "6 trusted cases" in found


def test_cases_without_a_record_and_an_interruption_are_said(run: RunFolder) -> None:
    planned = (*run.header().planned, "another|case|x|t1")
    found = text(run, "Validity", planned=planned, interrupted=True)
    assert "Of 14 planned cases 1 have no record. The run was interrupted." in found


def test_energy_names_the_sensor_or_why_there_is_none(run: RunFolder) -> None:
    record = run.records()[0]
    details = {"energy": {"scope": "package", "channels": ["powercap/package-0"], "estimate": True}}
    found = of_records(run.header(), [dataclasses.replace(record, details=details)], "Energy")
    assert "sensor of the scope package (channels: powercap/package-0)" in found
    assert "an estimate from its parts" in found
    without = dataclasses.replace(record, metrics={**record.metrics, "energy_gross_j": Missing("no meter")})
    assert of_records(run.header(), [without], "Energy") == "Energy was not measured: no meter."


def test_accuracy_names_its_images_and_what_must_be_said_of_it(run: RunFolder) -> None:
    assert "Accuracy of 4 of 13 cases is that on 10,000 labelled images of fashion-mnist" in text(run, "Accuracy")
    details = {"accuracy": {"name": "mini-set top-1", "parts": {"stamps": {"right": 3, "n": 4}}}}
    records = [dataclasses.replace(run.records()[0], details=details)]
    assert "must be said: mini-set top-1: stamps 3 of 4." in of_records(run.header(), records, "Accuracy")
    unscored = [record for record in run.records() if record.value("top1") is None]
    assert "Accuracy was not measured: " in of_records(run.header(), unscored, "Accuracy")


def test_imported_figures_have_no_protocol(run: RunFolder) -> None:
    record = dataclasses.replace(run.records()[0], processes=(), details={"source": "pyperf"})
    found = of_records(run.header(), [record], "Latency")
    assert found == "The figures of the only case are imported (pyperf): how they were measured is not recorded."


def test_every_number_of_the_text_comes_from_the_record(run: RunFolder) -> None:
    """With other numbers in the record, none of those from before is left, other than those of the statistics."""
    fixed = {"1", "1983", "1986", "95", "5", "80", "13", "6", "2", "0"}
    other = dataclasses.replace(run.header(), host={**HOST, "cores": 77}, seed=4711, started_utc="2031-07-08T00:00:00Z")
    numbers = set(re.findall(r"\b\d+\b", text(run, "Setup", host={**HOST, "cores": 66}, seed=99)))
    changed = set(re.findall(r"\b\d+\b", of_records(other, run.records(), "Setup")))
    assert {"66", "2026", "01"} <= numbers - fixed
    assert not {"66", "2026"} & changed
    assert {"77", "2031", "07", "08"} <= changed
    assert "seed 4711" in of_records(other, run.records(), "Latency")


def test_latex_cites_and_compiles(run: RunFolder, tmp_path: Path) -> None:
    code = latex(run.header(), run.records())
    assert r"driven by edgebench 0.1.0~\cite{edgebench}." in code
    assert r"95~\% intervals" in code  # a number stays on the line of its unit
    assert "% @software{edgebench," in code
    assert code.startswith("% Needs LuaLaTeX or XeLaTeX and a font that has: 米")
    compiled(tmp_path, code.replace("米", "?"))


def test_no_format_cuts_a_long_paragraph(run: RunFolder) -> None:
    header, records = run.header(), run.records()
    checks = tuple(Finding(f"check{number}", "warn", f"found {number} " + "word " * 20) for number in range(6))
    long = dataclasses.replace(header, findings=checks)
    setup, *_ = paragraphs(long, records)
    assert len(setup.text) > 1_200
    for write in FORMATS.values():
        assert "found 5" in " ".join(write(long, records).split())
        assert "the record has all of them" not in write(long, records)


def test_markdown_escapes_and_cites(run: RunFolder) -> None:
    code = markdown(run.header(), run.records())
    assert "edgebench 0.1.0 [@edgebench]." in code
    assert "&lt;script&gt;" in code
    assert "<script>" not in code
    assert "```bibtex\n@software{edgebench,\n" in code


def test_a_run_without_records_has_no_methods(tmp_path: Path) -> None:
    run = factory.write_run(tmp_path, factory.nets()[:1], leave_out=1)
    for write in FORMATS.values():
        with pytest.raises(NothingMeasured):
            write(run.header(), run.records())


def test_the_citation_file_is_that_of_this_version(run: RunFolder) -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for key in ("version", "license"):
        (value,) = re.findall(rf'^{key} = "(.+)"$', project, re.MULTILINE)
        assert re.search(rf"^{key}: {re.escape(value)}$", citation, re.MULTILINE)
    (title,) = re.findall(r'^title: "(.+)"$', citation, re.MULTILINE)
    assert f"title = {{{title}}}" in bibtex(run.header())
    assert re.search(r"^cff-version: 1\.2\.0$", citation, re.MULTILINE)
