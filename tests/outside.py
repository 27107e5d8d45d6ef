"""Packages of other people: written to a folder as pip would install them, for PYTHONPATH."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
_HEADING = re.compile(r"# (?P<file>[\w./~-]+\.(?:py|toml|html))( \(continued\))?")


def install(site: Path, name: str, files: Mapping[str, str], entry_points: str) -> Path:
    """Write the distribution `name` 1.0 into the folder `site`, which is returned."""
    info = f"{name}-1.0.dist-info"
    metadata = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/entry_points.txt": entry_points,
    }
    for file, text in {**files, **metadata}.items():
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text(text, encoding="utf-8")
    return site


def search_path(site: Path) -> str:
    """PYTHONPATH with the packages in `site` beside this working tree, whichever one is installed."""
    return os.pathsep.join((str(site), str(ROOT)))


def shown(page: str) -> dict[str, str]:
    """Return the files that a page of the documentation shows: blocks of code whose first line names a file.

    Blocks that name one file follow each other in it.
    """
    found: dict[str, str] = {}
    for block in re.findall(r"^```\w+\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL):
        first, _, rest = block.partition("\n")
        if heading := _HEADING.fullmatch(first):
            found[heading["file"]] = found.get(heading["file"], "") + textwrap.dedent(rest)
    return found


def install_shown(site: Path, page: str) -> Path:
    """Install the package that a page shows, its pyproject.toml with the entry points included."""
    files = shown(page)
    points = files.pop("pyproject.toml").replace('[project.entry-points."', "[").replace('"', "")
    return install(site, Path(page).stem, files, points)
