"""The glossary: each word once, in order; every verdict and every scenario is in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from harness.core.scenario import Scenario
from harness.core.verdict import Status

PAGE = Path(__file__).parents[2] / "docs" / "glossary.md"
WORDS = re.findall(r"^\| ([^|`]+?) \| [^|]+ \|$", PAGE.read_text("utf-8").partition("\n## ")[0], re.MULTILINE)[1:]


def test_each_word_stands_once_and_in_order() -> None:
    assert len(WORDS) > 50
    assert sorted(WORDS, key=str.lower) == WORDS
    assert len({word.lower() for word in WORDS}) == len(WORDS)


def test_every_verdict_and_scenario_is_explained() -> None:
    assert {*get_args(Status), *get_args(Scenario)} <= set(WORDS)
