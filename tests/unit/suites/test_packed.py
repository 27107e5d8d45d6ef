"""Models in packs, as a wheel has them: each comes out as the manifest names it, and only what is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

import suites
from harness.core.case import Case
from harness.core.errors import SetupError
from suites.artifacts import catalog, packing

MODEL = "mobilenet_v2-0.35-32"
QUICK = "1-quick.tar.xz"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the models as it is in a wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    (folder / "packs").mkdir()
    for name, files in packing.packs(catalog.ARTIFACTS).items():
        packing.write_pack(files, catalog.ARTIFACTS, folder / "packs" / f"{name}.tar.xz", preset=1)
    return folder


@pytest.fixture
def cache(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a machine with the wheel unpacks models; empty."""
    catalog.shipped()  # from the checkout's manifest, which a wheel has too
    monkeypatch.setattr(catalog, "ARTIFACTS", wheel)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "edgebench" / "shipped"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("cache")
def test_every_shipped_model_comes_out_of_the_packs() -> None:
    assert catalog.damaged() == []
    for entry in catalog.shipped().values():
        assert catalog.shipped_file(entry).stat().st_size == entry["bytes"]


def test_the_quick_suite_needs_one_pack(wheel: Path, cache: Path) -> None:
    cases = [case for case in suites.expand(suites.load("quick")) if case.weights == "trained"]
    (rest,) = set((wheel / "packs").iterdir()) - {wheel / "packs" / QUICK}
    aside = rest.rename(wheel / rest.name)
    try:
        for case in cases:
            assert catalog.artifact(case, "onnx").path.is_relative_to(cache)
    finally:
        aside.rename(rest)


def test_only_the_format_that_is_asked_for_is_unpacked(cache: Path) -> None:
    catalog.artifact(Case(MODEL, "fp32", "litert-xnnpack"), "tflite")
    assert {Path(name).suffix for name in files(cache)} == {".tflite"}


def test_a_damaged_copy_is_unpacked_again(cache: Path) -> None:
    case = Case(MODEL, "fp32", "onnxruntime-cpu")
    path = catalog.artifact(case, "onnx").path
    path.write_bytes(b"half of it")
    assert catalog.artifact(case, "onnx").path == path
    assert path.stat().st_size == catalog.shipped()[MODEL, "fp32", "onnx"]["bytes"]


@pytest.mark.usefixtures("cache")
def test_a_damaged_pack_says_what_to_do(wheel: Path) -> None:
    pack = wheel / "packs" / QUICK
    whole = pack.read_bytes()
    pack.write_bytes(whole[: len(whole) // 2])
    try:
        with pytest.raises(SetupError, match=r"damaged pack of models") as raised:
            catalog.artifact(Case(MODEL, "fp32", "onnxruntime-cpu"), "onnx")
    finally:
        pack.write_bytes(whole)
    assert raised.value.remedy == "install edgebench again"


def test_the_same_files_give_the_same_pack(tmp_path: Path) -> None:
    models = packing.packs(catalog.ARTIFACTS)["2-more"][:2]
    for name in ("one", "two"):
        packing.write_pack(models, catalog.ARTIFACTS, tmp_path / name, preset=1)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
