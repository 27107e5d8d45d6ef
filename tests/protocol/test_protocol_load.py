"""The promises of docs/protocol.md on load that is there before anything is measured."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from harness import cli
from harness.cli._options import config_of
from harness.core.case import Case
from harness.core.hostfs import HostFs
from harness.core.verdict import Finding
from harness.host.quiet import wait_until_quiet
from harness.runs.session import RunSession, warnings_of
from tests import trees
from tests.fakes.plans import plan_of
from tests.protocol.protocol_helpers import config_on_a_tree
from tests.protocol.scripted import prepared, replace_workers, usual


def never(what: object) -> NoReturn:
    pytest.fail(f"not expected: {what}")


def loaded(percent: float, load: float = 3.0) -> trees.Tree:
    """Files of a machine with four CPUs, on which tasks waited for a CPU so much of the last ten seconds."""
    return {
        "proc/pressure/cpu": f"some avg10={percent:.2f} avg60=0.00 avg300=0.00 total=1\n",
        "proc/loadavg": f"{load:.2f} 1.00 1.00 1/100 1234\n",
        "proc/cpuinfo": "".join(f"processor\t: {number}\n\n" for number in range(4)),
    }


def test_load_is_told_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for place, (percent, told) in enumerate(((0.0, False), (4.9, False), (5.0, True), (80.0, True))):
        said: list[str] = []
        jobs = replace_workers(monkeypatch, usual)
        config = config_on_a_tree(tmp_path / str(place))
        trees.write(config.fs.root, loaded(percent))
        with RunSession(
            config, plan_of([prepared(Case("net", "fp32", "null"))], tmp_path / str(place) / "run"), notify=said.append
        ) as made:
            latency = [job for job in jobs if job.model]
            assert not latency, "before the first case"
            warnings = [text for text in said if text.startswith("warning: load: tasks waited for a CPU")]
            assert bool(warnings) == told, percent
            assert all("stop other programs" in text and "--wait-for-quiet" in text for text in warnings)
            list(made.run())
    emulated = Finding("emulation", "fail", "qemu-user", "measure on a board")
    assert warnings_of([emulated]) == ["warning: emulation: qemu-user\n  measure on a board"]
    assert warnings_of([Finding("governor", "warn", "powersave"), Finding("load", "ok", "idle")]) == []


def test_wait_for_quiet_waits_for_a_quiet_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Load that is gone after six seconds, one that stays, none, and a machine that does not tell."""
    fs = HostFs(trees.write(tmp_path / "tree", loaded(40.0)))
    waits: list[float] = []
    said: list[str] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if sum(waits) >= 6:
            trees.write(fs.root, loaded(1.0))

    found = wait_until_quiet(fs, 60.0, said.append, sleep)
    assert (found.check, found.status, sum(waits)) == ("quiet", "ok", 6.0)
    assert found.found.endswith("after 6 s")
    assert len(said) == 1
    assert said[0].startswith("waiting at most 60 s for a quiet machine: tasks waited for a CPU 40.0 %")
    assert wait_until_quiet(fs, 60.0, never, never).status == "ok", "at once"
    trees.write(fs.root, loaded(40.0))
    waits.clear()
    still = wait_until_quiet(fs, 5.0, said.append, waits.append)
    assert (still.status, sum(waits)) == ("warn", 5.0)
    assert still.remedy
    bare = HostFs(trees.write(tmp_path / "bare", {"proc/meminfo": "MemTotal: 1 kB\n"}))
    assert wait_until_quiet(bare, 60.0, never, never).status == "unknown"

    replace_workers(monkeypatch, usual)
    config = config_on_a_tree(tmp_path, wait_for_quiet_s=60.0)
    trees.write(config.fs.root, loaded(0.0))
    with RunSession(config, plan_of([], tmp_path / "run")) as made:
        pass
    (quiet,) = [finding for finding in made.folder.header().findings if finding.check == "quiet"]
    assert quiet.status == "ok"
    arguments = cli.parser().parse_args(["run", "quick", "--wait-for-quiet", "90"])
    assert config_of(arguments).wait_for_quiet_s == 90.0
    assert config_of(cli.parser().parse_args(["run", "quick"])).wait_for_quiet_s is None
