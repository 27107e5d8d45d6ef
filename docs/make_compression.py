"""Write the tables of docs/compression.md: `python docs/make_compression.py`.

They come from the manifest of the shipped nets, and from the logs of nets that were fine-tuned with and without a
teacher.
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
DISTILLED, BASELINE = "distilled", "fine-tuned"
PAIRED_HEAD = ("net", "setting", "top-1 % without a teacher", "with", "points", "only one correct", "p")
HEAD = ("setting", "parameters", "M MACs", ".onnx kB (gzip)", ".tflite kB (gzip)", "top-1 % .onnx", "top-1 % .tflite")

Entries = dict[tuple[str, str, str], dict[str, Any]]


def tables(entries: Entries) -> Iterator[str]:
    """Yield lines of Markdown: a table for each net, fp32 first, then by name; then the comparison with a teacher."""
    for model in sorted({model for model, _, _ in entries}):
        settings = {setting for name, setting, _ in entries if name == model}
        yield from ("", f"### {model}", "")
        rows = [_row(entries, model, setting) for setting in sorted(settings, key=lambda name: (name != "fp32", name))]
        yield from _table(HEAD, ("---", *["---:"] * (len(HEAD) - 1)), rows)
    yield from ("", "### With and without a teacher", "")
    settings_with_teacher = sorted({log.stem for log in ARTIFACTS.glob(f"*/*{DISTILLED}.jsonl")}, key=len)
    rows = [row for setting in settings_with_teacher for row in _paired_rows(setting)]
    yield from _table(PAIRED_HEAD, ("---", "---", *["---:"] * (len(PAIRED_HEAD) - 2)), rows)
    yield ""


def _table(head: Sequence[str], align: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from (f"| {' | '.join(cells)} |" for cells in (head, align, *rows))


def _paired_rows(setting: str) -> Iterator[tuple[str, ...]]:
    """Yield a comparison of each net with and without a teacher, after the same epochs; then one of all nets."""
    logs = sorted(ARTIFACTS.glob(f"*/{setting}.jsonl"))
    names = (BASELINE, DISTILLED)
    hits = [[logged_hits(log.with_name(log.name.replace(DISTILLED, name)), IMAGES) for name in names] for log in logs]
    without, with_teacher = np.array(hits).swapaxes(0, 1)
    for number, log in enumerate(logs):
        yield _paired_row(log.parent.name, setting, without[[number]], with_teacher[[number]])
    yield _paired_row("all", setting, without, with_teacher)


def _paired_row(net: str, setting: str, without: Hits, with_teacher: Hits) -> tuple[str, ...]:
    """Return a row with a sign test over images: do more nets classify an image correctly with a teacher?

    For a single net this is McNemar's test.

    Args:
        net: Name of the net, or 'all'.
        setting: Setting that distills.
        without: Hits without a teacher, shape (nets, images).
        with_teacher: Hits with a teacher, of the same shape.
    """
    more = with_teacher.sum(axis=0) - without.sum(axis=0)
    only = int((more < 0).sum()), int((more > 0).sum())
    return (
        net,
        f"`{setting}`",
        *(f"{100 * hits.mean():.2f}" for hits in (without, with_teacher)),
        f"{100 * (with_teacher.mean() - without.mean()):+.2f}",
        f"{only[0]} / {only[1]}",
        f"{mcnemar(*only):.2g}",
    )


def _row(entries: Entries, model: str, setting: str) -> tuple[str, ...]:
    by_format = {kind: entries.get((model, setting, kind)) for kind in ("onnx", "tflite")}
    net = by_format["onnx"] or by_format["tflite"]
    assert net
    return (
        f"`{setting}`",
        f"{net['parameters']:,}",
        f"{net['macs'] / 1e6:.2f}",
        *(
            f"{entry['bytes'] / 1e3:.0f} ({entry['bytes_gzip'] / 1e3:.0f})" if entry else "-"
            for entry in by_format.values()
        ),
        *(_score(entry, entries[model, "fp32", kind]) if entry else "-" for kind, entry in by_format.items()),
    )


def _score(entry: dict[str, Any], reference: dict[str, Any]) -> str:
    """Return the accuracy in percent with its 95 % interval, and the difference to fp32 in points."""
    top1, n = entry["top1_reference"]["top1"], entry["top1_reference"]["n"]
    low, high = wilson(round(top1 * n), n)
    difference = 100 * (top1 - reference["top1_reference"]["top1"])
    return f"{100 * top1:.2f} [{100 * low:.2f}, {100 * high:.2f}]" + (f" {difference:+.2f}" if difference else "")


def page(text: str, entries: Entries) -> str:
    """Return the page with its tables replaced."""
    before, _, rest = text.partition(START)
    after = rest.partition(END)[2]
    return before + START + "\n" + "\n".join(tables(entries)) + "\n" + END + after


def read() -> Entries:
    """Return the manifest's entries by model, setting and format."""
    entries = json.loads(MANIFEST.read_text(encoding="utf-8"))["artifacts"]
    return {(entry["model"], entry["compression"], entry["format"]): entry for entry in entries}


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), read()), encoding="utf-8")
