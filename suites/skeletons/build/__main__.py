"""Make the shipped graphs from float exports: ``python -m suites.skeletons.build --from DIR --out GRAPHS``.

``DIR`` holds ``<model>/fp32.onnx`` and ``<model>/fp32.tflite`` as ``suites.training.export_fullsize`` writes them: the
same net in both, batch normalisation folded in, weights that tell the tensors apart. Needs the extra ``prepare``. The
same exports and versions on the same kind of machine give the same files.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from suites.compression import litert, ort
from suites.skeletons.build.net import Workplace, build_net


def main() -> int:
    """Build every net of the folder, or those named; a report on standard output and in ``<model>.log``."""
    parser = argparse.ArgumentParser(prog="python -m suites.skeletons.build", description=__doc__)
    parser.add_argument("--from", dest="source", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="GRAPHS")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="all nets of DIR where none is named")
    arguments = parser.parse_args()
    models = arguments.models or sorted(path.parent.name for path in arguments.source.glob("*/fp32.tflite"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for model in models:
        with TemporaryDirectory() as work, (arguments.out / f"{model}.log").open("w", encoding="utf-8") as log:
            place = Workplace(model, arguments.source, Path(work), arguments.out)
            for line in chain([_tools()], build_net(place)):
                print(line, flush=True)
                print(line, file=log)
    shipped = sum(path.stat().st_size for path in arguments.out.iterdir())
    print(f"{len(models)} nets built; {arguments.out.name} holds {shipped:,} bytes")
    return 0


def _tools() -> str:
    """Versions of what the shipped files depend on."""
    return ", ".join(f"{tool} {version(tool)}" for tool in ("numpy", *ort.TOOLS, *litert.TOOLS))


if __name__ == "__main__":
    sys.exit(main())
