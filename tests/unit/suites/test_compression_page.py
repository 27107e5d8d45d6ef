"""The page on compression shows the figures of the manifest."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import suites
from harness.core.plugins import load_all

DOCS = Path(suites.__file__).parents[1] / "docs"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_compression", DOCS / "make_compression.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_those_of_the_manifest() -> None:
    made = script()
    text = (DOCS / "compression.md").read_text(encoding="utf-8")
    assert made.page(text, made.read()) == text


def test_every_setting_is_explained() -> None:
    text = (DOCS / "compression.md").read_text(encoding="utf-8")
    for name in load_all("compression"):
        family, _, percent = name.rpartition("-")
        assert f"`{name}`" in text or (f"`{family}-" in text and f"`-{percent}`" in text), name


def test_a_difference_to_fp32_is_in_points() -> None:
    entry = {"top1_reference": {"top1": 0.91, "n": 10000}}
    reference = {"top1_reference": {"top1": 0.92, "n": 10000}}
    assert script()._score(entry, reference) == "91.00 [90.42, 91.55] -1.00"
