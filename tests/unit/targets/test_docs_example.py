"""The example of docs/add-a-target.md is a valid descriptor that is detected."""

from __future__ import annotations

from pathlib import Path

import targets
from harness.core.hostfs import HostFs
from tests import outside, trees


def test_the_example_is_detected(tmp_path: Path) -> None:
    text = outside.shown("add-a-target.md")["~/.config/edgebench/targets/rock-5b.toml"]
    (tmp_path / "rock-5b.toml").write_text(text)
    board = trees.device_tree("Radxa ROCK 5B", "radxa,rock-5b", "rockchip,rk3588")

    found = targets.detect(HostFs(trees.write(tmp_path / "board", board)), [tmp_path])

    assert found.target.name == "rock-5b"
    assert found.target.cpu.cores == 8
    assert "onnxruntime-cpu" in found.target.runtimes
