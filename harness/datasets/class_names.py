"""Lists of class names, in the order of a model's outputs: labels.txt, classes.txt, or what a model file carries."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import DataError

from .splits import folders

LISTS = ("classes.txt", "class_names.txt", "labels.txt")
"""Files that may list class names; labels.txt may also label images."""

_NUMBERED = re.compile(r"(\d+)\s*[:,;\s]\s*(.+)|(.+?)\s*[:,;\s]\s*(\d+)")


class ClassNames:
    """The names of a model's classes, in the order of its outputs. Case and `_`, `-` or spaces make no difference."""

    def __init__(self, names: Sequence[str], source: Path | None = None) -> None:
        self.names = tuple(names)
        self.source = source
        self._places = {_plain(name): place for place, name in enumerate(names)}

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: str) -> bool:
        return _plain(name) in self._places

    @property
    def unique(self) -> bool:
        """Whether each name stands in the list once."""
        return len(self._places) == len(self)

    def index(self, name: str) -> int:
        """Return the place of a name; DataError where the list lacks it."""
        place = self._places.get(_plain(name))
        if place is None:
            raise DataError(
                f"'{name}' is none of the {len(self)} class names in {self.source}",
                "the list must name every class as its folder or label does, in the order of the model's outputs",
            )
        return place


def read_text(path: Path) -> str:
    """Return a text file's content: UTF-8, or UTF-16 with a byte order mark, as Windows writes it.

    Raises:
        DataError: The file has another encoding.
    """
    data = path.read_bytes()
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: byte {error.start}", "save it as UTF-8") from error


def class_list(folder: Path) -> ClassNames | None:
    """Return the class names that a file of the folder lists; None where there is none.

    A line is a name, or a name with its index before or behind it, as in Teachable Machine's '0 cat'. A labels.txt is
    such a list when it names all sub-folders, or all of theirs where the set is split; otherwise it labels images.
    """
    for name in LISTS:
        if (path := folder / name).is_file():
            lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
            for names in filter(None, (_by_index(lines), lines)):
                found = ClassNames(names, path)
                if name != "labels.txt" or _names_folders(found, folder):
                    if not found.unique:
                        raise DataError(f"{path} lists a class twice", "name each once, in the order of the outputs")
                    return found
    return None


def _names_folders(names: ClassNames, folder: Path) -> bool:
    inside = folders(folder)
    levels = ([entry.name for entry in inside], [entry.name for part in inside for entry in folders(part)])
    return any(level and all(name in names for name in level) for level in levels)


def _by_index(lines: Sequence[str]) -> list[str]:
    """Return the names of numbered lines in their order; empty where they do not count from 0 or 1 without a gap."""
    names: dict[int, str] = {}
    for line in lines:
        match = _NUMBERED.fullmatch(line)
        if match is None:
            return []
        number, name = (match[1], match[2]) if match[1] is not None else (match[4], match[3])
        names[int(number)] = name.strip().strip("\"'")
    places, first = sorted(names), min(names, default=0)
    return [names[place] for place in places] if first < 2 and places == list(range(first, first + len(lines))) else []


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name.strip().strip("\"'")).casefold()
