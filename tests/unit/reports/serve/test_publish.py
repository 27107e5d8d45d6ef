"""A published site: complete, relative, incremental, and never in the way of other files."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness import store
from harness.cli import main
from harness.core.errors import EXIT_NOTHING_MEASURED, EXIT_OK, EXIT_USAGE
from reports.serve.board import sparkline
from reports.serve.publish import MANIFEST, file_of, publish
from reports.serve.run_sources import FolderSource, StoreSource
from reports.serve.site import Site
from tests import factory

ATOM = {"a": "http://www.w3.org/2005/Atom"}
HOSTILE = '<script>alert("x")</script>/../& "'


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three runs on two boards, one with a name that a page and a file system could choke on."""
    folder = tmp_path / "runs"
    for number, (suite, target) in enumerate((("quick", "x86-64"), ("quick", "x86-64"), (HOSTILE, "raspberry-pi-5"))):
        about = {"run_id": f"r{number}", "suite": suite, "target": target}
        about["started_utc"] = f"2026-01-0{number + 1}T22:00:00Z"
        factory.write_run(folder / f"run{number}", factory.nets()[:2], **about)
    return folder


def links(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return [link for link in re.findall(r'href="([^"]+)"', text) if not link.startswith(("#", "data:", "https:"))]


def files(site: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in site.iterdir()}


def test_every_link_of_the_site_leads_to_a_file_of_it(runs: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    publish(FolderSource(runs), site, "Our boards")
    found = links(site / "index.html")
    assert len([link for link in found if link.startswith("run-")]) == 3
    assert len([link for link in found if link.startswith("target-")]) == 1, "of the board with several runs"
    for page in site.glob("*.html"):
        for link in links(page):
            assert "/" not in link
            assert (site / link).is_file(), (page.name, link)
    index = (site / "index.html").read_text()
    assert "<h1>Our boards</h1>" in index
    assert str(tmp_path) not in index, "where the runs lie is nobody else's business"


def test_names_are_text_and_files_stay_in_the_folder(runs: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    publish(FolderSource(runs), site)
    assert HOSTILE not in (site / "index.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in (site / "index.html").read_text(encoding="utf-8")
    assert {path.parent for path in tmp_path.rglob("*.html") if "runs" not in path.parts} == {site}
    assert file_of("run", "a/b") != file_of("run", "a-b")
    assert re.fullmatch(r"[A-Za-z0-9._-]+\.html", file_of("run", HOSTILE * 40))


def test_the_feed_is_atom(runs: Path, tmp_path: Path) -> None:
    outcome = {"kind": "regression", "case_id": "c", "series": "c p50", "sentence": "+9 %"}
    night = {"headline": "1 regression", "outcomes": [outcome, {**outcome, "kind": "transient"}]}
    (runs / "run1" / "verdicts.json").write_text(json.dumps(night))
    site = tmp_path / "site"
    publish(FolderSource(runs), site, "Ours & theirs")
    root = ET.parse(site / "feed.xml").getroot()
    assert root.tag == "{http://www.w3.org/2005/Atom}feed"
    assert [root.findtext(f"a:{name}", namespaces=ATOM) for name in ("title", "id")] == [
        "Ours & theirs",
        "urn:edgebench:runs",
    ]
    entries = root.findall("a:entry", ATOM)
    assert [entry.findtext("a:id", namespaces=ATOM) for entry in entries] == [
        f"urn:edgebench:run:r{n}" for n in (2, 1, 0)
    ]
    for entry in entries:
        assert re.fullmatch(r"2026-01-0\dT.*Z", entry.findtext("a:updated", "", ATOM))
        link = entry.find("a:link", ATOM)
        assert link is not None
        assert (site / link.attrib["href"]).is_file()
    assert entries[1].findtext("a:title", "", ATOM) == "quick on x86-64: regression: c p50: +9 %"
    assert "2 precise" in entries[0].findtext("a:summary", "", ATOM)


def test_what_has_not_changed_is_not_written_again(runs: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    first = publish(FolderSource(runs), site)
    before = files(site)
    again = publish(FolderSource(runs), site)
    assert len(first.written) == 1 + 3 + 1 + 4 + 1, "list, runs, board of several runs, cases of two boards, feed"
    assert sorted(again.written) == ["feed.xml", "index.html"]
    assert len(again.kept) == 8
    assert {name: body for name, body in files(site).items() if name != "feed.xml"} == {
        name: body for name, body in before.items() if name != "feed.xml"
    }
    shutil.rmtree(runs / "run0")
    gone = publish(FolderSource(runs), site)
    assert sorted(gone.removed) == sorted([file_of("run", "run0"), *first_board(first.written)])
    assert file_of("run", "run0") not in files(site)


def first_board(names: list[str]) -> list[str]:
    return [name for name in names if name.startswith("target-")]


def first_cases(names: list[str]) -> list[str]:
    return [name for name in names if name.startswith("case-x86-64")]


def test_a_case_has_a_page_with_its_history(tmp_path: Path) -> None:
    for number in range(8):
        about = {"run_id": f"r{number}", "started_utc": f"2026-01-0{number + 1}T22:00:00Z"}
        provenance = {"repository": {"commit": f"abc{number}def0123456"}}
        shift = 1.1 if number >= 4 else 1.0
        plans = [dataclasses.replace(plan, status="contended") if number == 7 else plan for plan in factory.nets()[:2]]
        factory.write_run(tmp_path / "runs" / f"run{number}", plans, shift=shift, provenance=provenance, **about)
    young = {"headline": "night 1 of 5: not judged yet", "outcomes": []}
    (tmp_path / "runs" / "run0" / "verdicts.json").write_text(json.dumps(young))
    site = tmp_path / "site"
    done = publish(FolderSource(tmp_path / "runs"), site)
    index = (site / "index.html").read_text(encoding="utf-8")
    assert "<script" not in index
    assert index.count('<svg class="line"') == 2
    assert '<td class="words">night 1 of 5: not judged yet</td>' in index
    assert '<td class="words">2 precise, 0 usable with caution, 0 not</td>' in index
    page = (site / first_cases(done.written)[0]).read_text(encoding="utf-8")
    rows = re.findall(r"<tr><th scope=\"row\".*?</tr>", page, re.DOTALL)
    assert len(rows) == 8
    stepped = [row for row in rows if "new level" in row]
    assert len(stepped) == 1
    assert "2026-01-05 22:00 UTC" in stepped[0]
    assert "\N{BLACK UP-POINTING TRIANGLE} new level, time +10.0 %" in stepped[0]
    assert "<code>abc4def012</code>" in stepped[0]
    assert "untrusted" in rows[0], "the newest was contended"
    assert "7 runs that can be trusted" in page
    assert 'class="line large"' in page


def test_the_server_shows_the_same_histories(runs: Path, tmp_path: Path) -> None:
    site = Site(FolderSource(runs))
    text = site.respond("/").body.decode()
    cases = re.findall(r'href="(/case/[^"]+)"', text)
    assert len(cases) == 4
    for address in cases:
        assert site.respond(address).status == 200
    assert site.respond("/case/x86-64/unknown/no-such-case").status == 404


def test_a_run_that_cannot_be_read_is_listed_and_stops_no_other(runs: Path) -> None:
    for record in (runs / "run1" / "records").iterdir():
        record.write_text("{")
    text = Site(FolderSource(runs)).respond("/").body.decode()
    assert text.count('href="/run/') == 3


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ([1.0, 2.0], "M2.0 18.0L98.0 2.0"),
        ([1.0, 1.0, 1.0], "M2.0 10.0L50.0 10.0L98.0 10.0"),
        ([0.0, 0.0], "M2.0 10.0L98.0 10.0"),
        ([1.0], ""),
        ([], ""),
    ],
)
def test_a_sparkline_rises_with_its_values_and_is_flat_without_a_change(values: list[float], path: str) -> None:
    assert sparkline(values) == path


def test_a_folder_of_others_is_left_alone(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "mine.txt").write_text("mine")
    assert main(["publish", str(site), "--runs", str(runs)]) == EXIT_USAGE
    assert "holds other files" in capsys.readouterr().err
    assert list(files(site)) == ["mine.txt"]
    (site / MANIFEST).write_text("{")
    assert main(["publish", str(site), "--runs", str(runs)]) == EXIT_USAGE
    (site / MANIFEST).write_text('{"files": {"../../outside": "", "mine.txt/..": ""}}')
    (tmp_path.parent / "outside").write_text("kept")
    assert main(["publish", str(site), "--runs", str(runs)]) == EXIT_OK
    assert (tmp_path.parent / "outside").read_text() == "kept", (
        "a list that was tampered with removes nothing elsewhere"
    )
    assert (site / "mine.txt").read_text() == "mine"
    assert main(["publish", str(site / "mine.txt"), "--runs", str(runs)]) == EXIT_USAGE


def test_no_runs_are_no_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs").mkdir()
    assert main(["publish", str(tmp_path / "site"), "--runs", str(tmp_path / "runs")]) == EXIT_NOTHING_MEASURED
    assert "no runs in" in capsys.readouterr().err
    assert not (tmp_path / "site").exists()


def test_a_store_is_published(runs: Path, tmp_path: Path) -> None:
    with store.open(tmp_path / "store.sqlite", create=True) as nights:
        for path in sorted(runs.iterdir()):
            nights.append(FolderSource(path).entries()[0].reader)
        done = publish(StoreSource(nights), tmp_path / "site")
        nights.reset("a new fan", store.Filters())
        again = publish(StoreSource(nights), tmp_path / "site")
    changed = [name for name in again.written if name not in ("feed.xml", "index.html")]
    assert changed == [*first_board(done.written), *first_cases(done.written)], "a reset shows in the histories"
    assert len([name for name in done.written if name.startswith("run-")]) == 3
    assert all((tmp_path / "site" / link).is_file() for link in links(tmp_path / "site" / "index.html"))
