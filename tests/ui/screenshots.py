"""Take the screenshots of the documentation from a run, in headless Chromium.

    python tests/ui/screenshots.py RUN [--out docs/images]

Writes report.png and report-dark.png, the report's first screen at 1366 x 768 in 1.5 times the resolution, and
terminal.svg, the table that `edgebench run` prints at its end.
"""

from __future__ import annotations

import argparse
import base64
import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from rich.console import Console

from harness.store.runfolder import RunFolder
from reports.build import build
from reports.terminal.table import final_table
from tests.ui import chromium

WIDTH, HEIGHT, SCALE = 1366, 768, 1.5
_COLUMNS = 120
_DRAWN = """
const [plot, done] = arguments;
const drawn = () => !plot || document.querySelector(plot)?.data ? done(true) : setTimeout(drawn, 50);
document.fonts.ready.then(drawn);
"""


def make(run: RunFolder, out: Path, driver: Any) -> list[Path]:
    """Write the three pictures of the run into the folder `out` and return them."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        page = build([run], Path(scratch) / "report.html")
        pictures = {"report.png": "light", "report-dark.png": "dark"}
        for name, theme in pictures.items():
            (out / name).write_bytes(first_screen(driver, page, theme))
    (out / "terminal.svg").write_text(terminal(run), encoding="utf-8")
    return [out / name for name in (*pictures, "terminal.svg")]


def first_screen(driver: Any, page: Path, theme: str) -> bytes:
    """Return the first screen of the page as PNG, in the `light` or `dark` theme."""
    size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": SCALE, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": theme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    driver.get(page.as_uri())
    driver.set_script_timeout(60)
    plot = "#tradeoff .canvas"
    has_plot = driver.execute_script("return Boolean(document.querySelector(arguments[0]))", plot)
    driver.execute_async_script(_DRAWN, plot if has_plot else "")
    picture = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    return base64.b64decode(picture["data"])


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
