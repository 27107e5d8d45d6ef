"""Take the screenshots of the documentation from a run, in headless Chromium.

    python tests/ui/screenshots.py RUN [--out docs/images]

Of the run: report.png and report-dark.png, the report's first screen at 1366 x 768 in 1.5 times the resolution, and
terminal.svg, what `edgebench run` prints at its end, at 80 columns.

With figures that are made up: boards.png and boards-narrow.png, the first screens of a report of two boards at 1366 and
390 pixels; trend.png, that of eight nights of one board; site.png and case.png, the list of its runs and the history of
a case as `edgebench publish` writes them; history.svg, what `edgebench history` prints of it at 80 columns.
"""

from __future__ import annotations

import argparse
import base64
import dataclasses
import io
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from PIL import Image
from rich.console import Console, RenderableType

from harness import store
from harness.core.verdict import Status
from harness.store.database.filters import Filters
from harness.store.runfolder import RunFolder
from reports.build import build
from reports.serve.publish import INDEX, publish
from reports.serve.run_sources import FolderSource
from reports.terminal.history import history_table
from reports.terminal.table import final_table
from tests import factory
from tests.ui import chromium

WIDTH, HEIGHT, SCALE = 1366, 768, 1.5
MADE_UP = {
    "boards.png": ("boards", (1366, 768)),
    "boards-narrow.png": ("boards", (390, 844)),
    "trend.png": ("trend", (1366, 768)),
    "site.png": ("site", (1366, 768)),
    "case.png": ("case", (1366, 560)),
}
"""Pictures with made-up figures: the page, and the size in CSS pixels."""
_COLUMNS = 80
_DRAWN = """
const [plot, done] = arguments;
const drawn = () => !plot || document.querySelector(plot)?.data ? done(true) : setTimeout(drawn, 50);
document.fonts.ready.then(drawn);
"""


def make(run: RunFolder, out: Path, driver: Any) -> list[Path]:
    """Write all pictures into the folder `out` and return them."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        page = build([run], Path(scratch) / "report.html")
        pictures = {"report.png": "light", "report-dark.png": "dark"}
        for name, theme in pictures.items():
            (out / name).write_bytes(first_screen(driver, page, theme))
        pages = made_up_pages(Path(scratch))
        for name, (which, size) in MADE_UP.items():
            (out / name).write_bytes(_in_few_colours(first_screen(driver, pages[which], "light", size, 1.0)))
        screens = {"terminal.svg": terminal(run), "history.svg": history(Path(scratch) / "nights")}
    for name, screen in screens.items():
        (out / name).write_text(screen, encoding="utf-8")
    return [out / name for name in (*pictures, *MADE_UP, *screens)]


def made_up_pages(folder: Path) -> dict[str, Path]:
    """Write the pages with made-up figures and return them by name."""
    runs, site = nights(folder / "nights"), folder / "site"
    publish(FolderSource(folder / "nights"), site, "Our boards")
    return {
        "boards": build(two_boards(folder / "boards"), folder / "boards.html"),
        "trend": build(runs, folder / "trend.html"),
        "site": site / INDEX,
        "case": next(iter(sorted(site.glob("case-*.html")))),
    }


def nights(folder: Path) -> list[RunFolder]:
    """Make up eight nights of one board: the first are too young to be judged, the sixth finds a regression."""
    runs = []
    for night in range(1, 9):
        path, level = folder / f"night-{night}", 1.08 if night > 5 else 1.0
        about = {"run_id": f"night-{night}", "started_utc": f"2026-01-{night:02d}T22:00:00Z"}
        about |= {"suite": "team", "target": "raspberry-pi-5"}
        host, provenance = {"unit_id": "b2"}, {"repository": {"commit": f"{night}c0ffee{night}0"}}
        noise = 1 + 0.002 * (night % 3)
        runs.append(
            factory.write_run(
                path, factory.nets()[:6], shift=1.7 * level * noise, host=host, provenance=provenance, **about
            )
        )
        series, found = "mobilenet_v2-0.35-32 int8-dynamic p50", "+8.2 % (95 % interval 7.4 to 9.0 %)"
        outcomes = [{"kind": "regression", "series": series, "sentence": found}] if night == 6 else []
        headline = f"night {night} of 5: not judged yet" if night <= 5 else "nothing to report"
        verdicts = {"headline": "1 regression" if outcomes else headline, "outcomes": outcomes}
        (path / "verdicts.json").write_text(json.dumps(verdicts), encoding="utf-8")
    return runs


def two_boards(folder: Path) -> list[RunFolder]:
    """Make up two runs on each of two boards: on one all cases became 6 % slower, on the other none did."""
    verdicts: dict[int, Status] = {3: "imprecise", 5: "contended", 10: "imprecise", 16: "contended"}
    plans = [
        dataclasses.replace(plan, status=verdicts.get(index, plan.status))
        for index, plan in enumerate(factory.nets(joules=True))
    ]
    return [
        factory.write_run(
            folder / f"{target}-{night}",
            plans,
            shift=shift * (1.06 if target == "x86-64" and night == 2 else 1.0),
            target=target,
            host={"unit_id": unit},
            run_id=f"{target}-{night}",
            started_utc=f"2026-01-{2 * night + (target != 'x86-64'):02d}T00:00:00Z",
        )
        for target, unit, shift in (("x86-64", "a1", 1.0), ("raspberry-pi-5", "b2", 1.7))
        for night in (1, 2)
    ]


def first_screen(
    driver: Any, page: Path, theme: str, window: tuple[int, int] = (WIDTH, HEIGHT), scale: float = SCALE
) -> bytes:
    """Return the first screen of the page as PNG, in the `light` or `dark` theme."""
    width, height = window
    size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": theme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    driver.get(page.as_uri())
    driver.set_script_timeout(60)
    plot = "#tradeoff .canvas"
    has_plot = driver.execute_script("return Boolean(document.querySelector(arguments[0]))", plot)
    if has_plot:  # drawn only once it comes near the window
        driver.execute_script("document.querySelector(arguments[0]).scrollIntoView()", plot)
    driver.execute_async_script(_DRAWN, plot if has_plot else "")
    driver.execute_script("scrollTo(0, 0)")
    picture = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    return base64.b64decode(picture["data"])


def _in_few_colours(picture: bytes) -> bytes:
    """Return a picture with at most 256 colours, a third of the size."""
    small = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(256).save(small, "png", optimize=True)
    return small.getvalue()


def terminal(run: RunFolder) -> str:
    """Return what `edgebench run` prints at its end as SVG."""
    return _screen(final_table(run.records(), run.header()), "edgebench run")


def history(folder: Path) -> str:
    """Return what `edgebench history` prints of two cases over the runs in a folder as SVG."""
    with tempfile.TemporaryDirectory() as scratch, store.open(Path(scratch) / "store.sqlite") as runs:
        for path in sorted(folder.iterdir()):
            runs.append(RunFolder(path))
        frame = runs.read(Filters(metric="latency_p50_ns"))
    cases = list(dict.fromkeys(frame.case))[:2]
    return _screen(history_table(frame[frame.case.isin(cases)]), "edgebench history")


def _screen(shown: RenderableType, title: str) -> str:
    """Return what a console of 80 columns shows as SVG."""
    console = Console(record=True, file=io.StringIO(), width=_COLUMNS, force_terminal=True)
    console.print(shown)
    picture = console.export_svg(title=title, unique_id="edgebench")
    return re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)  # fonts would be loaded from the network


def main() -> None:
    """Parse the command line and take the screenshots."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    driver = chromium.start()
    try:
        for path in make(RunFolder(arguments.run), arguments.out, driver):
            print(path)
    finally:
        driver.quit()


if __name__ == "__main__":
    main()
