"""A miniature of ImageNet with 146 labelled photographs that anyone may install; too small to stand for the whole.

The scored part has 20 pictures of ImageNet from the package foolbox and 126 cut-out photographs from Tux Paint's
stamps. Each shows one of ImageNet's classes, or one of a few where a person could not decide. 100 stamps of other
things are for calibration. Stamps are cut out close, so that a centre crop would cut the object; they are centred on a
white square.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import Preprocess
from harness.core.errors import SetupError
from harness.core.files import cache_dir
from harness.datasets.pictures import flatten_on_white, read_image
from harness.datasets.preprocessing import preprocess
from suites.fetch import DebianPackage, Wheel

from .published_weights import Fetchable

if TYPE_CHECKING:
    from PIL.Image import Image

FOOLBOX = Wheel(
    "foolbox",
    "3.3.4",
    "foolbox-3.3.4-py3-none-any.whl",
    "11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb",
)
STAMPS = DebianPackage("tuxpaint-stamps-default")
_STAMPS_AT = "usr/share/tuxpaint/stamps"
_LABELS = Path(__file__).parents[1] / "data" / "labels"


class MiniImagenet(Fetchable):
    """The folders `scored`, with its labels.txt, and `calibration`.

    Every original is checked against its SHA-256, which is committed here.
    """

    name = "mini-imagenet"
    description = (
        "146 labelled photographs (20 of foolbox, PyPI, terms of their own; 126 of tuxpaint-stamps-default, Debian, "
        "GPL-2) and 100 for calibration, 162 MB to download, 13 MB kept"
    )

    @property
    def path(self) -> Path:
        """The folder with `scored` and `calibration`."""
        return cache_dir() / "data" / self.name

    @property
    def is_fetched(self) -> bool:
        """Whether the folder is complete: it is renamed into place when everything is in it."""
        return (self.path / "scored" / "labels.txt").is_file()

    def fetch(self, folder: Path | None = None) -> Path:
        """Download both packages, extract the pictures, check them and store them."""
        if self.is_fetched:
            return self.path
        unfinished = self.path.with_name(f".{self.name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        for place, picture in (*_foolbox(folder), *_stamps(folder)):
            (unfinished / place).parent.mkdir(parents=True, exist_ok=True)
            (unfinished / place).write_bytes(picture)
        (unfinished / "scored" / "labels.txt").write_text("".join(_labels()), encoding="utf-8")
        shutil.rmtree(self.path, ignore_errors=True)
        return unfinished.rename(self.path)


def calibration(how: Preprocess) -> NDArray[np.float32]:
    """Return the calibration pictures, preprocessed for a model.

    Raises:
        SetupError: They have not been fetched.
    """
    mini_imagenet = MiniImagenet()
    if not mini_imagenet.is_fetched:
        raise SetupError("calibration needs the pictures of mini-imagenet", "edgebench data fetch mini-imagenet")
    files = sorted((mini_imagenet.path / "calibration").rglob("*.png"))
    return np.stack([preprocess(read_image(file), how) for file in files])


@cache
def _hashes() -> Mapping[str, Mapping[str, str]]:
    """Return the hex SHA-256 of every original, by part (foolbox, stamps, calibration) and name within the package."""
    return cast("dict[str, dict[str, str]]", _json("mini_imagenet_sha256.json"))


@cache
def _classes() -> Mapping[str, list[int]]:
    """Return the classes of each scored stamp; each of them is right."""
    return cast("dict[str, list[int]]", _json("tuxpaint_stamps_126.json"))


def _json(name: str) -> Any:
    return json.loads((_LABELS / name).read_text(encoding="utf-8"))


def _foolbox(folder: Path | None) -> Iterator[tuple[str, bytes]]:
    with FOOLBOX.open(folder) as archive:
        for name, wanted in _hashes()["foolbox"].items():
            yield f"scored/foolbox/{name}", _checked(archive.read(f"foolbox/data/{name}"), wanted, name)


def _stamps(folder: Path | None) -> Iterator[tuple[str, bytes]]:
    """Yield the path of each stamp and its picture on a white square, as PNG."""
    parts = (("stamps", "scored/stamps"), ("calibration", "calibration"))
    places = {name: f"{place}/{name}.png" for part, place in parts for name in _hashes()[part]}
    wanted = {**_hashes()["stamps"], **_hashes()["calibration"]}
    members = {f"{_STAMPS_AT}/{name}.png": name for name in places}
    extracted = set()
    for name, content in STAMPS.read(members, folder):
        extracted.add(name)
        yield places[name], _on_square(_checked(content, wanted[name], name))
    if missing := sorted(set(places) - extracted):
        raise SetupError(f"this system's {STAMPS.name} lacks {len(missing)} of {len(places)} stamps: {missing[0]}", "")


def _checked(content: bytes, wanted: str, name: str) -> bytes:
    if sha256(content).hexdigest() != wanted:
        raise SetupError(f"{name} is not the picture that was labelled: its SHA-256 differs", "its package has changed")
    return content


def _on_square(png: bytes) -> bytes:
    from PIL import Image as Pillow

    with Pillow.open(io.BytesIO(png)) as stamp:
        picture: Image = flatten_on_white(stamp)
    edge = max(picture.size)
    square = Pillow.new("RGB", (edge, edge), "white")
    square.paste(picture, ((edge - picture.width) // 2, (edge - picture.height) // 2))
    out = io.BytesIO()
    square.save(out, "PNG")
    return out.getvalue()


def _labels() -> Iterator[str]:
    """Yield the lines of labels.txt; the name of a foolbox picture ends with its class."""
    yield "# part foolbox\n"
    yield from (f"foolbox/{name} {name.rpartition('_')[2].removesuffix('.jpg')}\n" for name in _hashes()["foolbox"])
    yield "# part stamps\n"
    yield from (f"stamps/{name}.png {' '.join(map(str, classes))}\n" for name, classes in _classes().items())
