"""Write the tables of docs/compression.md: `python docs/make_compression.py`.

They come from the manifest of the shipped nets, and from the logs of what was tuned with and without a teacher.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.stats.proportions import mcnemar, wilson
from suites.preparation.training.paired import Hits, logged_hits

ROOT = Path(__file__).parents[1]
PAGE, ARTIFACTS = ROOT / "docs" / "compression.md", ROOT / "suites" / "artifacts"
MANIFEST = ARTIFACTS / "manifest.json"
IMAGES = 10_000
START, END = "<!-- tables: written by docs/make_compression.py -->", "<!-- end of tables -->"
TAUGHT, UNTAUGHT = "distilled", "fine-tuned"
TAUGHT_HEAD = ("net", "tuned", "top-1 % without a teacher", "with", "points", "alone right", "p")
HEAD = ("setting", "parameters", "M MACs", ".onnx kB (gzip)", ".tflite kB (gzip)", "top-1 % .onnx", "top-1 % .tflite")

Entries = dict[tuple[str, str, str], dict[str, Any]]


def tables(entries: Entries) -> Iterator[str]:
    """Lines of Markdown: a table for each net, fp32 first, then by name."""
    for model in sorted({model for model, _, _ in entries}):
        settings = {setting for name, setting, _ in entries if name == model}
        yield from ("", f"### {model}", "")
        rows = [_row(entries, model, setting) for setting in sorted(settings, key=lambda name: (name != "fp32", name))]
        yield from _table(HEAD, ("---", *["---:"] * (len(HEAD) - 1)), rows)
    yield from ("", "### With and without a teacher", "")
    tunings = sorted({log.stem for log in ARTIFACTS.glob(f"*/*{TAUGHT}.jsonl")}, key=len)
    rows = [row for tuned in tunings for row in _taught(tuned)]
    yield from _table(TAUGHT_HEAD, ("---", "---", *["---:"] * (len(TAUGHT_HEAD) - 2)), rows)
    yield ""


def _table(head: Sequence[str], align: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from (f"| {' | '.join(cells)} |" for cells in (head, align, *rows))


def _taught(tuned: str) -> Iterator[tuple[str, ...]]:
    """Each float net that was tuned with a teacher beside the one that had the same epochs without; then all."""
    logs = sorted(ARTIFACTS.glob(f"*/{tuned}.jsonl"))
    names = (UNTAUGHT, TAUGHT)
    hits = [[logged_hits(log.with_name(log.name.replace(TAUGHT, name)), IMAGES) for name in names] for log in logs]
    untaught, taught = np.array(hits).swapaxes(0, 1)
    for number, log in enumerate(logs):
        yield _paired(log.parent.name, tuned, untaught[[number]], taught[[number]])
    yield _paired("all", tuned, untaught, taught)


def _paired(net: str, tuned: str, untaught: Hits, taught: Hits) -> tuple[str, ...]:
    """Image by image, hits being nets x images: a sign test of whether more nets are right on one with a teacher.

    For a single net that is McNemar's.
    """
    more = taught.sum(axis=0) - untaught.sum(axis=0)
    alone = int((more < 0).sum()), int((more > 0).sum())
    return (
        net,
        f"`{tuned}`",
        *(f"{100 * hits.mean():.2f}" for hits in (untaught, taught)),
        f"{100 * (taught.mean() - untaught.mean()):+.2f}",
        f"{alone[0]} / {alone[1]}",
        f"{mcnemar(*alone):.2g}",
    )


def _row(entries: Entries, model: str, setting: str) -> tuple[str, ...]:
    made = {kind: entries.get((model, setting, kind)) for kind in ("onnx", "tflite")}
    net = made["onnx"] or made["tflite"]
    assert net
    return (
        f"`{setting}`",
        f"{net['parameters']:,}",
        f"{net['macs'] / 1e6:.2f}",
        *(f"{entry['bytes'] / 1e3:.0f} ({entry['bytes_gzip'] / 1e3:.0f})" if entry else "-" for entry in made.values()),
        *(_score(entry, entries[model, "fp32", kind]) if entry else "-" for kind, entry in made.items()),
    )


def _score(entry: dict[str, Any], reference: dict[str, Any]) -> str:
    """Accuracy in percent with its 95 % interval, and the difference to fp32 in points."""
    top1, n = entry["top1_reference"]["top1"], entry["top1_reference"]["n"]
    low, high = wilson(round(top1 * n), n)
    difference = 100 * (top1 - reference["top1_reference"]["top1"])
    return f"{100 * top1:.2f} [{100 * low:.2f}, {100 * high:.2f}]" + (f" {difference:+.2f}" if difference else "")


def page(text: str, entries: Entries) -> str:
    """The page with its tables replaced."""
    before, _, rest = text.partition(START)
    after = rest.partition(END)[2]
    return before + START + "\n" + "\n".join(tables(entries)) + "\n" + END + after


def read() -> Entries:
    """The manifest's entries by model, setting and format."""
    entries = json.loads(MANIFEST.read_text(encoding="utf-8"))["artifacts"]
    return {(entry["model"], entry["compression"], entry["format"]): entry for entry in entries}


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), read()), encoding="utf-8")
