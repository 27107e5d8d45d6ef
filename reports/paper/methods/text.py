"""The paragraphs on the methods of a run as plain text, Markdown or LaTeX, with the reference to edgebench."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from harness.core.errors import NothingMeasured
from harness.core.printable import markdown_text
from harness.core.record import Record, RunHeader
from reports.paper.latex import beyond_pdflatex, escape
from reports.text import clean

from . import protocol, setup, trust

KEY = "edgebench"
_WIDTH = 100
_NO_BREAK = "\N{NO-BREAK SPACE}"
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=%|ns|GiB|°C)")


@dataclass(frozen=True)
class Paragraph:
    """One paragraph: its title and its sentences, as plain text."""

    title: str
    sentences: Sequence[str]

    @property
    def text(self) -> str:
        """The sentences on one line."""
        return " ".join(clean(sentence) for sentence in self.sentences if sentence)


def paragraphs(header: RunHeader, records: Sequence[Record]) -> list[Paragraph]:
    """Return the methods of a run.

    Raises:
        NothingMeasured: The run has no records.

    """
    if not records:
        raise NothingMeasured("the run has no records, so no methods", "edgebench table RUN")
    found = (
        Paragraph("Setup", [*setup.sentences(header, records)]),
        Paragraph("Latency", [*protocol.latency(header, records), *protocol.intervals(header, records)]),
        Paragraph("Accuracy", [*protocol.accuracy(records)]),
        Paragraph("Energy", [*protocol.energy(records)]),
        Paragraph("Validity", [*trust.verdicts(header, records), *trust.effects(records)]),
    )
    return [paragraph for paragraph in found if paragraph.text]


def bibtex(header: RunHeader) -> str:
    """Return the BibTeX entry of the edgebench that measured the run; it has no version if none is recorded."""
    version = header.versions.get("edgebench")
    lines = [
        "author = {{The edgebench authors}}",
        "title = {edgebench: Benchmark deep learning at the edge}",
        *([f"version = {{{escape(version)}}}"] if version else []),
        "note = {Software, Apache-2.0}",
    ]
    return "@software{" + KEY + ",\n" + "".join(f"  {line},\n" for line in lines) + "}\n"


def plain_text(header: RunHeader, records: Sequence[Record]) -> str:
    """Return the paragraphs as text, then the BibTeX entry."""
    blocks = [
        textwrap.fill(_cited(f"{each.title}. {each.text}", ""), _WIDTH, break_long_words=False, break_on_hyphens=False)
        for each in paragraphs(header, records)
    ]
    return "\n\n".join([*blocks, bibtex(header)])


def markdown(header: RunHeader, records: Sequence[Record]) -> str:
    """Return the paragraphs as Markdown, then the BibTeX entry as code."""
    blocks = [
        _cited(f"**{each.title}.** {markdown_text(each.text)}", f" [@{KEY}]") for each in paragraphs(header, records)
    ]
    return "\n\n".join([*blocks, f"```bibtex\n{bibtex(header)}```\n"])


def latex(header: RunHeader, records: Sequence[Record]) -> str:
    """Return the paragraphs as LaTeX that cites edgebench, then the BibTeX entry as a comment."""
    blocks = [
        rf"\paragraph{{{escape(each.title)}.}} {escape(_BEFORE_UNIT.sub(_NO_BREAK, each.text))}"
        for each in paragraphs(header, records)
    ]
    entry = "".join(f"% {line}\n" for line in ["Entry of the bibliography:", *bibtex(header).splitlines()])
    code = _cited("\n\n".join(blocks), rf"~\cite{{{KEY}}}")
    beyond = beyond_pdflatex(code)
    need = f"% Needs LuaLaTeX or XeLaTeX and a font that has: {beyond}\n" if beyond else ""
    return f"{need}{code}\n\n{entry}"


def _cited(text: str, citation: str) -> str:
    return text.replace(setup.CITATION, citation)


FORMATS: Mapping[str, Callable[[RunHeader, Sequence[Record]], str]] = MappingProxyType(
    {"text": plain_text, "markdown": markdown, "latex": latex}
)
"""Each format with the function that writes it."""
