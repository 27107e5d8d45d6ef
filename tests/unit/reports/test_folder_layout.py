"""The folder layout of the report."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from harness.core.errors import UsageError
from reports.build import build_folder, build_html
from reports.data import gather
from tests import factory


@pytest.fixture
def built(tmp_path: Path) -> Path:
    run = factory.write_run(tmp_path / "run", [*factory.nets()[:4], factory.troubled()[7]])
    return build_folder(gather([run]), tmp_path / "report")


def test_every_plot_is_a_separate_script_named_in_the_page(built: Path) -> None:
    html = built.read_text(encoding="utf-8")
    named = set(re.findall(r'data-figure="([\w.-]+)-json"', html))
    assert named == {path.stem for path in (built.parent / "data").iterdir()}
    assert '{"data":' not in html
    text = (built.parent / "data" / "tradeoff-plot.js").read_text()
    name, _, figure = text.removeprefix("edgebench.figure(").removesuffix(");\n").partition(", ")
    assert json.loads(name) == "tradeoff-plot"
    assert {"data", "layout"} <= set(json.loads(figure))


def test_links_lead_to_files_and_nothing_is_embedded_as_well(built: Path) -> None:
    html = built.read_text(encoding="utf-8")
    links = re.findall(r'(?:href|src)="((?:assets|downloads)/[^"]+)"', html)
    assert {link.partition("/")[0] for link in links} == {"assets", "downloads"}
    assert all((built.parent / link).is_file() for link in links)
    assert "base64," not in html
    assert len(html) < 300_000


def test_the_page_is_the_same_without_javascript(built: Path, tmp_path: Path) -> None:
    whole = build_html(gather([factory.write_run(tmp_path / "again", [*factory.nets()[:4], factory.troubled()[7]])]))
    rows = re.compile(r'<tr data-case="[^"]+"')
    assert rows.findall(built.read_text(encoding="utf-8")) == rows.findall(whole)
    assert factory.HOSTILE not in built.read_text(encoding="utf-8")


def test_raw_samples_are_written_beside_the_page(built: Path) -> None:
    downloads = built.parent / "downloads"
    path = downloads / "samples.parquet" if importlib.util.find_spec("pyarrow") else downloads / "samples.csv.gz"
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    assert len(frame) == 4 * 3 * 420
    assert frame.wall_ns.min() > 0
    assert list(frame.groupby("warmup").size()) == [4 * 3 * 400, 4 * 3 * 20]


def test_a_single_file_embeds_the_samples_if_there_are_few(tmp_path: Path) -> None:
    html = build_html(gather([factory.write_run(tmp_path / "run", factory.nets()[:1])]))
    link = re.search(r'download="samples.csv.gz" href="data:application/gzip;base64,([^"]+)"', html)
    assert link is not None
    import base64

    lines = gzip.decompress(base64.b64decode(link[1])).decode().splitlines()
    assert lines[0] == "target,case,run,process,warmup,wall_ns"
    assert len(lines) == 1 + 3 * 420


def test_a_second_report_replaces_the_first(built: Path, tmp_path: Path) -> None:
    (built.parent / "data" / "gone.js").write_text("")
    build_folder(gather([factory.write_run(tmp_path / "b", factory.nets()[:1])]), built.parent)
    assert not (built.parent / "data" / "gone.js").exists()


def test_a_folder_with_other_files_is_not_touched(tmp_path: Path) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets()[:1])
    (tmp_path / "site" / "data").mkdir(parents=True)
    (tmp_path / "site" / "index.html").write_text("<title>my page</title>")
    with pytest.raises(UsageError, match="other files"):
        build_folder(gather([run]), tmp_path / "site")
    with pytest.raises(UsageError, match="is a file"):
        build_folder(gather([run]), tmp_path / "site" / "index.html")
    assert (tmp_path / "site" / "data").is_dir()
