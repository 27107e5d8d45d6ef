"""Take the screenshots of the documentation from a run, in headless Chromium.

    python tests/ui/screenshots.py RUN [--out docs/images]

Writes report.png and report-dark.png, the report's first screen at 1366 x 768 in 1.5 times the resolution, and
terminal.svg, the table that `edgebench run` prints at its end; boards.png and boards-narrow.png, the first screens of a
report of two boards at 1366 and 390 pixels, whose figures are made up.
"""

from __future__ import annotations

import argparse
import base64
import dataclasses
import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from PIL import Image
from rich.console import Console

from harness.core.verdict import Status
from harness.store.runfolder import RunFolder
from reports.build import build
from reports.terminal.table import final_table
from tests import factory
from tests.ui import chromium

WIDTH, HEIGHT, SCALE = 1366, 768, 1.5
BOARDS = {"boards.png": (1366, 768), "boards-narrow.png": (390, 844)}
"""Pictures of the report of two boards, with their sizes in CSS pixels."""
_COLUMNS = 120
_DRAWN = """
const [plot, done] = arguments;
const drawn = () => !plot || document.querySelector(plot)?.data ? done(true) : setTimeout(drawn, 50);
document.fonts.ready.then(drawn);
"""


def make(run: RunFolder, out: Path, driver: Any) -> list[Path]:
    """Write the three pictures of the run and those of two boards into the folder `out` and return them."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        page = build([run], Path(scratch) / "report.html")
        pictures = {"report.png": "light", "report-dark.png": "dark"}
        for name, theme in pictures.items():
            (out / name).write_bytes(first_screen(driver, page, theme))
        boards = build(two_boards(Path(scratch)), Path(scratch) / "boards.html")
        for name, size in BOARDS.items():
            (out / name).write_bytes(_in_few_colours(first_screen(driver, boards, "light", size, 1.0)))
    (out / "terminal.svg").write_text(terminal(run), encoding="utf-8")
    return [out / name for name in (*pictures, *BOARDS, "terminal.svg")]


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
    """Return the final table as SVG."""
    console = Console(record=True, file=io.StringIO(), width=_COLUMNS, force_terminal=True)
    console.print(final_table(run.records(), run.header()))
    picture = console.export_svg(title="edgebench run", unique_id="edgebench")
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
