"""The mini-set: what is committed of it, and how it is put together."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from harness.cli import main
from harness.core.artifact import Preprocess
from harness.core.errors import SetupError
from harness.datasets.dataset import open_dataset
from suites.artifacts.catalog import datasets
from suites.data import mini_imagenet
from suites.data.mini_imagenet import MiniImagenet, calibration
from suites.fetch import Wheel


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_146_pictures_are_scored_and_100_others_calibrate() -> None:
    hashes = mini_imagenet._hashes()
    assert {part: len(names) for part, names in hashes.items()} == {"foolbox": 20, "stamps": 126, "calibration": 100}
    assert set(hashes["stamps"]) == set(mini_imagenet._classes())
    assert not set(hashes["calibration"].values()) & {*hashes["foolbox"].values(), *hashes["stamps"].values()}
    assert all(0 <= label < 1000 for labels in mini_imagenet._classes().values() for label in labels)


def png(size: tuple[int, int], colour: tuple[int, ...]) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", size, colour).save(out, "PNG")
    return out.getvalue()


class Stamps:
    """A package of two stamps."""

    name = "stamps"
    content: Mapping[str, bytes] = {"scored/one": png((4, 2), (9, 8, 7, 255)), "other": png((2, 2), (0, 0, 0, 255))}

    def read(self, members: Mapping[str, str], folder: Path | None = None) -> Iterator[tuple[str, bytes]]:
        del folder
        yield from ((name, self.content[name]) for name in members.values() if name in self.content)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """Fakes of both packages, with the hashes of what is in them."""
    photo = png((3, 3), (1, 2, 3, 255))
    path = tmp_path / "foolbox.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("foolbox/data/imagenet_00_243.jpg", photo)
    digest = {name: sha256(content).hexdigest() for name, content in Stamps.content.items()}
    hashes = {
        "foolbox": {"imagenet_00_243.jpg": sha256(photo).hexdigest()},
        "stamps": {"scored/one": digest["scored/one"]},
        "calibration": {"other": digest["other"]},
    }
    wheel = Wheel("foolbox", "1", path.name, sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(mini_imagenet, "FOOLBOX", wheel)
    monkeypatch.setattr(mini_imagenet, "STAMPS", Stamps())
    monkeypatch.setattr(mini_imagenet, "_hashes", lambda: hashes)
    monkeypatch.setattr(mini_imagenet, "_classes", lambda: {"scored/one": [5, 6]})
    return hashes


def test_it_is_fetched_whole_with_its_labels(packages: object, tmp_path: Path) -> None:
    assert not MiniImagenet().is_fetched
    assert main(["data", "fetch", "mini-imagenet", "--from", str(tmp_path)]) == 0
    assert MiniImagenet().is_fetched
    one = datasets()["mini-imagenet"]
    data = open_dataset(one.kind, one.path)
    (photo, first), (stamp, second) = data.items()
    assert (first, second, one.figure) == (243, (5, 6), "mini-set top-1")
    assert photo.shape == (3, 3, 3)
    assert data.parts == [("foolbox", 1), ("stamps", 1)]
    assert [row[0].tolist() for row in stamp] == [[255] * 3, [9, 8, 7], [9, 8, 7], [255] * 3]  # on a white square
    assert calibration(Preprocess(scale=1.0)).shape == (1, 3, 2, 2)


def test_a_picture_that_is_not_the_labelled_one_is_refused(
    packages: dict[str, dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packages["stamps"]["scored/one"] = "0" * 64
    assert main(["data", "fetch", "mini-imagenet", "--from", str(tmp_path)]) == 2
    assert "scored/one is not the picture that was labelled: its SHA-256 differs" in capsys.readouterr().err
    assert not MiniImagenet().is_fetched


def test_a_package_without_a_stamp_is_refused(packages: dict[str, dict[str, str]], tmp_path: Path) -> None:
    packages["calibration"]["gone"] = "0" * 64
    with pytest.raises(SetupError, match="lacks 1 of 3 stamps: gone"):
        MiniImagenet().fetch(tmp_path)


def test_calibration_says_how_to_get_its_pictures() -> None:
    with pytest.raises(SetupError, match="edgebench data fetch mini-imagenet"):
        calibration(Preprocess())


def test_the_list_says_what_is_here(packages: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["data", "fetch", "mini-imagenet", "--from", str(tmp_path)])
    capsys.readouterr()
    assert main(["data", "list"]) == 0
    state = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")}
    assert " shipped " in state["fashion-mnist"]
    assert " fetched " in state["mini-imagenet"]
    assert " not here " in state["imagenet-weights"]


def test_an_unknown_name_is_an_error_that_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "fetch", "mini-imagnet"]) == 2
    assert "did you mean 'mini-imagenet'?" in capsys.readouterr().err
