"""146 labelled photographs that anyone may install: a miniature of ImageNet, far too small to speak for the whole.

Scored are 20 pictures of ImageNet that the package foolbox carries and 126 cut-out photographs of Tux Paint's stamps,
which show one of ImageNet's classes each, or one of a few where a person could not tell. 100 other stamps, of other
things, are for calibration. Stamps are laid on a white square around their middle: they are cut out close, so that a
centre crop would cut the thing itself.
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
from harness.datasets.image_folders import flatten_on_white, read_image
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
    """`scored` with its labels.txt, and `calibration`; every original is checked by its hash, committed here."""

    name = "mini-imagenet"
    about = (
        "146 labelled photographs (20 of foolbox, PyPI, terms of their own; 126 of tuxpaint-stamps-default, Debian, "
        "GPL-2) and 100 for calibration, 162 MB to download, 13 MB kept"
    )

    @property
    def path(self) -> Path:
        """The folder of `scored` and `calibration`."""
        return cache_dir() / "data" / self.name

    @property
    def there(self) -> bool:
        """Whether the folder is whole: it is put in its place when all of it is."""
        return (self.path / "scored" / "labels.txt").is_file()

    def fetch(self, folder: Path | None = None) -> Path:
        """Bring both packages, take the pictures out, check and keep them."""
        if self.there:
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
    """The calibration pictures, preprocessed for a model. SetupError when they are not fetched."""
    fetched = MiniImagenet()
    if not fetched.there:
        raise SetupError("calibration needs the pictures of mini-imagenet", "edgebench data fetch mini-imagenet")
    files = sorted((fetched.path / "calibration").rglob("*.png"))
    return np.stack([preprocess(read_image(file), how) for file in files])


@cache
def _hashes() -> Mapping[str, Mapping[str, str]]:
    """Hex SHA-256 of every original, by 'foolbox', 'stamps' and 'calibration' and the name within the package."""
    return cast("dict[str, dict[str, str]]", _json("mini_imagenet_sha256.json"))


@cache
def _classes() -> Mapping[str, list[int]]:
    """The classes that each scored stamp shows; any of them is right."""
    return cast("dict[str, list[int]]", _json("tuxpaint_stamps_126.json"))


def _json(name: str) -> Any:
    return json.loads((_LABELS / name).read_text(encoding="utf-8"))


def _foolbox(folder: Path | None) -> Iterator[tuple[str, bytes]]:
    with FOOLBOX.open(folder) as archive:
        for name, wanted in _hashes()["foolbox"].items():
            yield f"scored/foolbox/{name}", _checked(archive.read(f"foolbox/data/{name}"), wanted, name)


def _stamps(folder: Path | None) -> Iterator[tuple[str, bytes]]:
    """Where each stamp is kept, and its picture on a white square as PNG."""
    parts = (("stamps", "scored/stamps"), ("calibration", "calibration"))
    places = {name: f"{place}/{name}.png" for part, place in parts for name in _hashes()[part]}
    wanted = {**_hashes()["stamps"], **_hashes()["calibration"]}
    members = {f"{_STAMPS_AT}/{name}.png": name for name in places}
    found = set()
    for name, content in STAMPS.read(members, folder):
        found.add(name)
        yield places[name], _on_square(_checked(content, wanted[name], name))
    if missing := sorted(set(places) - found):
        raise SetupError(f"this system's {STAMPS.name} lacks {len(missing)} of {len(places)} stamps: {missing[0]}", "")


def _checked(content: bytes, wanted: str, name: str) -> bytes:
    if sha256(content).hexdigest() != wanted:
        raise SetupError(f"{name} is another picture than the one that was labelled", "its package has changed")
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
    """The lines of labels.txt: the class of a foolbox picture ends its name."""
    yield "# part foolbox\n"
    yield from (f"foolbox/{name} {name.rpartition('_')[2].removesuffix('.jpg')}\n" for name in _hashes()["foolbox"])
    yield "# part stamps\n"
    yield from (f"stamps/{name}.png {' '.join(map(str, classes))}\n" for name, classes in _classes().items())
