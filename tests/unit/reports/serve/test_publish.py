"""A published site: complete, relative, incremental, and never in the way of other files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness import store
from harness.cli import main
from harness.core.errors import EXIT_NOTHING_MEASURED, EXIT_OK, EXIT_USAGE
from reports.serve.publish import MANIFEST, file_of, publish
from reports.serve.run_sources import FolderSource, StoreSource
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
    (runs / "run1" / "verdicts.json").write_text('{"outcomes": [{"kind": "regression", "case": "c", "text": "+9 %"}]}')
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
    assert entries[1].findtext("a:title", "", ATOM) == "quick on x86-64: regression: c +9 %"
    assert "2 precise" in entries[0].findtext("a:summary", "", ATOM)


def test_what_has_not_changed_is_not_written_again(runs: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    first = publish(FolderSource(runs), site)
    before = files(site)
    again = publish(FolderSource(runs), site)
    assert len(first.written) == 1 + 3 + 1 + 1
    assert sorted(again.written) == ["feed.xml", "index.html"]
    assert len(again.kept) == 4
    assert {name: body for name, body in files(site).items() if name != "feed.xml"} == {
        name: body for name, body in before.items() if name != "feed.xml"
    }
    shutil.rmtree(runs / "run0")
    gone = publish(FolderSource(runs), site)
    assert sorted(gone.removed) == sorted([file_of("run", "run0"), *first_board(first.written)])
    assert file_of("run", "run0") not in files(site)


def first_board(names: list[str]) -> list[str]:
    return [name for name in names if name.startswith("target-")]


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
    assert changed == first_board(done.written), "a reset shows in the history of its board"
    assert len([name for name in done.written if name.startswith("run-")]) == 3
    assert all((tmp_path / "site" / link).is_file() for link in links(tmp_path / "site" / "index.html"))
