"""The console of rich that every command prints tables and progress on: with colours, and printable texts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook
from rich.segment import Segment

from harness.core.printable import UNPRINTABLE

from ._terminal import unfiltered


def console(stderr: bool = False, **options: Any) -> Console:
    """Return a console on standard output.

    Args:
        stderr: Whether it is on standard error instead.
        options: Further options of `rich.console.Console`.

    """
    made = _Console(file=unfiltered(sys.stderr if stderr else sys.stdout), **options)
    made.push_render_hook(_PrintableTexts())
    return made


class _Console(Console):
    """A console that leaves it to the command what the end of its reader means: rich's own ends the program."""

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError that is being handled."""
        raise  # noqa: PLE0704 - rich calls this where it has caught one


class _PrintableTexts(RenderHook):
    """Removes control characters from texts; the controls of rich itself stay."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Printable(renderable) for renderable in renderables]


class _Printable:
    """A renderable whose texts are printable."""

    def __init__(self, renderable: ConsoleRenderable) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for is_control, segments in groupby(console.render(self._renderable, options), lambda each: bool(each.control)):
            run = list(segments)
            yield from run if is_control else _printable(run)


def _printable(segments: list[Segment]) -> Iterator[Segment]:
    """Yield the segments without what is unprintable in their whole text: a style may change within a sequence."""
    text = "".join(segment.text for segment in segments)
    if UNPRINTABLE.search(text) is None:
        yield from segments
        return
    removed = {place for found in UNPRINTABLE.finditer(text) for place in range(*found.span())}
    start = 0
    for segment in segments:
        kept = "".join(char for place, char in enumerate(segment.text, start) if place not in removed)
        start += len(segment.text)
        yield Segment(kept, segment.style)
