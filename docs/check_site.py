"""Check the built site, `python docs/check_site.py build/docs`: what the generator's strict mode lets pass.

Every link, image and script of a page leads to a file of the site, and to an anchor that the file has; nothing is
loaded from another host; every page is linked from another one. Needs the standard library alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FIRST = "index.html"
UNLINKED = {"404.html"}  # what a web server shows for an address that does not exist


class Page(HTMLParser):
    """What a page of the site refers to and can be referred to by.

    Attributes:
        links: Targets of `<a href>`, which a reader may follow to another host.
        loaded: Targets that the browser fetches by itself: images, scripts, style sheets.
        anchors: Values of `id` and `name`.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the attributes that hold targets and anchors."""
        found = {name: value for name, value in attrs if value}
        self.anchors.update(found[name] for name in ("id", "name") if name in found)
        if "href" in found:
            loads = tag == "link" and found.get("rel") not in ("canonical", "alternate")
            (self.loaded if loads else self.links).add(found["href"])
        if "src" in found:
            self.loaded.add(found["src"])


def problems(site: Path) -> Iterator[str]:
    """Yield a line for each fault of a site."""
    site = site.resolve()
    pages = {file: Page(file) for file in sorted(site.rglob("*.html"))}
    reached = {site / FIRST}
    for file, page in pages.items():
        if file.name in UNLINKED:
            continue
        where = file.relative_to(site)
        yield from (f"{where} loads {target} from elsewhere" for target in sorted(page.loaded) if _foreign(target))
        for target in sorted(page.links | page.loaded):
            if _foreign(target) or urlsplit(target).scheme in ("data", "mailto", "javascript"):
                continue
            to = _file(file, target)
            anchor = unquote(urlsplit(target).fragment)
            if to != file:
                reached.add(to)
            if site not in to.parents or not to.is_file():
                yield f"{where} leads to {target}, which is no file of the site"
            elif anchor and to in pages and anchor not in pages[to].anchors:
                yield f"{where} leads to {target}, an anchor that {to.name} does not have"
    yield from (
        f"{file.relative_to(site)} is linked from no page: add it to mkdocs.yml"
        for file in pages
        if file not in reached and file.name not in UNLINKED
    )


def _foreign(target: str) -> bool:
    return bool(urlsplit(target).netloc)


def _file(page: Path, target: str) -> Path:
    path = unquote(urlsplit(target).path)
    if not path:
        return page
    to = (page.parent / path).resolve()
    return to / FIRST if to.is_dir() else to


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1])))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
