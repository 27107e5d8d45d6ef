"""`edgebench figures`: draw runs for a paper."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.core.errors import EXIT_OK

from ._options import positive_number
from ._report_data import add_runs, add_stored_runs, check_runs, report_data

HELP = "draw figures of a paper: front, distributions, heat maps, history"
GROUP = "paper"
EXAMPLE = "edgebench figures runs/before --format pdf --width single --out paper/figures"
_LEAST_MM, _MOST_MM = 50.0, 400.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_runs(parser)
    parser.add_argument("--format", choices=("svg", "pdf", "png"), default="pdf", help="format (default: pdf)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the files (default: figures in the first run)"
    )
    parser.add_argument(
        "--width", type=width_mm, default="single", metavar="WIDTH",
        help="single (88 mm, the default), double (180 mm) or millimetres",
    )  # fmt: skip
    parser.add_argument(
        "--only", metavar="NAMES", help="some of front, ecdf, heatmap and history (default: all that have data)"
    )
    add_stored_runs(parser)


def width_mm(text: str) -> float:
    """Parse 'single', 'double' or a number of millimetres."""
    from reports.paper.figures.style import WIDTHS_MM

    if text in WIDTHS_MM:
        return WIDTHS_MM[text]
    try:
        width = positive_number(text.removesuffix("mm"))
    except argparse.ArgumentTypeError:
        width = 0.0
    if not _LEAST_MM <= width <= _MOST_MM:
        raise argparse.ArgumentTypeError(f"'{text}': single, double, or {_LEAST_MM:.0f} to {_MOST_MM:.0f} millimetres")
    return width


def run(arguments: argparse.Namespace) -> int:
    """Write the figures; print each file, and what its figure leaves out."""
    from reports.paper.figures.build import write_figures

    from ._output import open_run

    check_runs(arguments, "figures")
    out = arguments.out or open_run(arguments.runs[0]).path / "figures"
    names = [name.strip() for name in (arguments.only or "").split(",") if name.strip()]
    with report_data(arguments) as data:
        result = write_figures(data, out, arguments.format, arguments.width, names)
    for written in result.written:
        print(f"figure: {written.path}")
        for note in written.notes:
            print(f"  {note}")
    for name, reason in result.absent.items():
        print(f"no {name}: {reason}")
    return EXIT_OK
