"""A list of labelled images as one file: what a run has checked, or the part of it that is scored."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path

from harness.core.errors import DataError
from harness.core.files import cache_dir, write_atomic
from harness.core.verdict import Finding

from .image_folders import ImageFiles
from .label_mapping import Label, LabelMapping
from .pictures import PictureCheck, check_images


class Manifest(ImageFiles):
    """Images of a data set, with the labels and the findings of the whole set."""

    def __init__(
        self,
        files: Sequence[tuple[Path, Label]],
        mapping: LabelMapping,
        parts: Sequence[tuple[str, int]] = (),
        findings: Sequence[Finding] = (),
    ) -> None:
        super().__init__()
        self.files = list(files)
        self.label_mapping = mapping
        self.parts = list(parts)
        self.findings = list(findings)

    def write(self) -> Path:
        """Store the list in the cache, under the hash of its content, and return the file's path."""
        content = {
            "files": [[str(path.absolute()), label] for path, label in self.files],
            "label_mapping": dataclasses.asdict(self.label_mapping),
            "parts": self.parts,
            "findings": [dataclasses.asdict(finding) for finding in self.findings],
        }
        data = json.dumps(content).encode()
        path = cache_dir() / "datasets" / f"{hashlib.sha256(data).hexdigest()[:20]}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            write_atomic(path, data)
        return path

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Load what `write` stored; DataError where there is no such list."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path} is no list of images: {error}", "start the run again") from error
        return cls(
            [(Path(file), tuple(label) if isinstance(label, list) else label) for file, label in content["files"]],
            LabelMapping.from_json(content["label_mapping"]),
            [(name, size) for name, size in content["parts"]],
            [Finding(**finding) for finding in content["findings"]],
        )


def subset(dataset: ImageFiles, places: Sequence[int], *findings: Finding) -> Manifest:
    """Return the images at these positions, with the labels of the whole set and further findings."""
    files = [dataset.files[place] for place in places]
    return Manifest(files, dataset.label_mapping, _sizes(dataset.parts, places), [*dataset.findings, *findings])


def _sizes(parts: Sequence[tuple[str, int]], indices: Sequence[int]) -> list[tuple[str, int]]:
    """Return how many of the indices fall into each named part; parts follow one another."""
    ends = list(accumulate(size for _, size in parts))
    counts = Counter(bisect(ends, index) for index in indices) if parts else Counter[int]()
    return [(name, counts[place]) for place, (name, _) in enumerate(parts) if counts[place]]


def checked(dataset: ImageFiles, limit: int | None = None) -> Manifest:
    """Decode the first `limit` images, or all, and return those that can be read, with findings about the others.

    Raises:
        DataError: None can be read.
    """
    checks = check_images(path for path, _ in dataset.files[:limit])
    readable = [place for place, check in enumerate(checks) if not check.unreadable]
    findings = [*_unreadable(checks), *_turned(checks)]
    if not readable:
        raise DataError(findings[0].found, "give .png or .jpg files that an image viewer opens")
    return subset(dataset, readable, *findings)


def _unreadable(checks: Sequence[PictureCheck]) -> Iterable[Finding]:
    bad = [check for check in checks if check.unreadable]
    if bad:
        names = "; ".join(f"{check.path}: {check.unreadable}" for check in bad[:3])
        more = f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
        words = f"{len(bad)} of {len(checks)} images cannot be read and are not scored: {names}{more}"
        yield Finding("unreadable_images", "warn", words, "remove or repair them")


def _turned(checks: Sequence[PictureCheck]) -> Iterable[Finding]:
    count = sum(check.turned for check in checks)
    if count:
        words = (
            f"{count} of {len(checks)} images carry an EXIF orientation, which is ignored, as torchvision and Keras do"
        )
        remedy = "if the model was trained on turned images (OpenCV's imread turns them), turn the files for good"
        yield Finding("exif_orientation", "warn", words, remedy)
