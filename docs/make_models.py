"""Write the table of docs/models.md from the nets themselves: `python docs/make_models.py` (needs torch)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.core.plugins import load_all
from suites.models.base import ModelFamily, ModelVariant, PublishedCounts

PAGE = Path(__file__).parent / "models.md"
START, END = "<!-- table: written by docs/make_models.py -->", "<!-- end of table -->"
HEAD = ("net", "parameters", "published", "M MACs", "published", "difference", "parameters as in", "published in")


def rows(families: dict[str, ModelFamily]) -> Iterator[tuple[str, ...]]:
    """A row for each published net, by family, then as the family lists them."""
    import torch

    from suites.nn.blocks import count_macs, count_parameters

    for name, family in families.items():
        for published in family.published:
            variant = ModelVariant(name, published.width, published.resolution)
            with torch.device("meta"):  # shapes alone: nothing is drawn or computed
                net = family.net(variant)
            yield _row(variant, published, count_parameters(net), count_macs(net, variant.input_shape))


def _row(variant: ModelVariant, published: PublishedCounts, parameters: int, macs: int) -> tuple[str, ...]:
    return (
        f"`{variant}`",
        f"{parameters:,}",
        f"{published.paper_parameters / 1e6:g} M",
        f"{macs / 1e6:,.1f}",
        f"{published.paper_macs / 1e6:,.0f}",
        f"{macs / published.paper_macs - 1:+.1%}",
        published.source,
        published.paper_source + (f" ({published.note})" if published.note else ""),
    )


def page(text: str, table: Iterator[tuple[str, ...]]) -> str:
    """The page `text` with its table written anew."""
    before, after = text.partition(START)[0], text.partition(END)[2]
    aligned = ("---", *["---:"] * 5, "---", "---")
    lines = [f"| {' | '.join(cells)} |" for cells in (HEAD, aligned, *table)]
    return "\n".join([before + START, "", *lines, "", END + after])


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), rows(load_all("models"))), encoding="utf-8")
