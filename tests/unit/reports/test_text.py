from __future__ import annotations

from reports.text import clean, flatten, tail


def test_a_long_log_is_cut_to_its_end_with_a_note_on_its_length() -> None:
    shown = tail("x" * 10_000_000 + "last words")
    assert shown.startswith("[the last 4,000 of 10,000,010 characters]")
    assert shown.endswith("last words")
    assert len(shown) < 4_100


def test_terminal_sequences_and_lone_surrogates_are_removed() -> None:
    assert clean("\x1b[31mred\x1b[0m\0 \ud800ok\nnext") == "red ok next"


def test_nested_settings_become_dotted_names() -> None:
    assert list(flatten({"os": {"name": "Debian"}, "shape": [1, 3], "none": None, "long": "y" * 500}))[:3] == [
        ("os.name", "Debian"),
        ("shape", "1, 3"),
        ("none", "none"),
    ]
    assert dict(flatten({"long": "y" * 500}))["long"].endswith("… (500 characters)")
