"""Descriptors: the built-in ones, the user's, and errors in bad ones."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

import targets
from harness.core.errors import DescriptorError, UnknownName
from harness.core.sensing import Channel, matches
from targets import descriptors

PROMISED = {
    "aarch64", "coral-dev-board", "coral-dev-board-mini", "coral-pcie", "coral-usb", "intel-n100", "jetson-agx-orin",
    "jetson-agx-xavier", "jetson-nano", "jetson-orin-nano", "jetson-orin-nx", "jetson-thor", "jetson-tx2",
    "jetson-xavier-nx", "raspberry-pi-3b-plus", "raspberry-pi-4b", "raspberry-pi-5", "raspberry-pi-zero-2-w", "x86-64",
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_user_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "edgebench" / "targets"


def write_descriptor(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(text)
    return folder


def test_all_promised_boards_are_there() -> None:
    assert set(targets.names()) == PROMISED


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_a_built_in_descriptor_is_whole(name: str) -> None:
    target = targets.load(name)

    assert target.name == name
    assert all(peak.source for peak in target.peaks)
    assert target.runtimes
    if target.kind != "accelerator":
        assert target.arch
        assert target.power.total or target.power.none
    if target.kind == "board":
        assert target.cpu.cores
        identity = target.identity
        assert identity.compatible or identity.model or identity.cpu_model
    if target.kind == "accelerator":
        assert target.accelerators
        assert target.identity.usb or target.identity.pci


def test_derived_peaks_follow_from_cores_and_clocks() -> None:
    for name, operations_a_cycle in (("raspberry-pi-5", 16), ("raspberry-pi-4b", 8), ("raspberry-pi-zero-2-w", 8)):
        target = targets.load(name)
        peak = next(peak for peak in target.peaks if peak.precision == "fp32")
        (cluster,) = target.cpu.clusters
        assert cluster.max_hz is not None
        assert peak.ops_per_s == pytest.approx(cluster.cores * cluster.max_hz * operations_a_cycle)


def test_a_host_and_an_accelerator_compose() -> None:
    pi, both = targets.load("raspberry-pi-5"), targets.load("raspberry-pi-5+coral-usb")

    assert both.name == "raspberry-pi-5+coral-usb"
    assert [unit.kind for unit in both.accelerators] == ["edgetpu"]
    assert {*pi.runtimes, "edgetpu"} == set(both.runtimes)
    assert both.power == pi.power
    assert both.cpu == pi.cpu


def test_two_boards_do_not_compose() -> None:
    with pytest.raises(DescriptorError, match="is no accelerator"):
        targets.load("raspberry-pi-5+jetson-nano")


def test_an_unknown_board_names_the_near_one() -> None:
    with pytest.raises(UnknownName, match="did you mean 'raspberry-pi-5'"):
        targets.load("raspbery-pi-5")


def test_a_user_descriptor_extends_a_built_in_one(no_user_folder: Path) -> None:
    write_descriptor(
        no_user_folder,
        "bench-pi",
        'extends = "raspberry-pi-5"\ntitle = "Pi on the bench"\n[power]\nmeter = "joulescope"\n'
        '[[power.total]]\nscope = "board"\nchannels = ["joulescope/energy"]\n[limits]\ntimeout_s = 60\n',
    )

    mine, pi = targets.load("bench-pi"), targets.load("raspberry-pi-5")

    assert "bench-pi" in targets.names()
    assert (mine.title, mine.power.meter, mine.limits.timeout_s) == ("Pi on the bench", "joulescope", 60)
    assert mine.power.total[0].channels == ("joulescope/energy",)
    assert mine.limits.start_temperature_c == pi.limits.start_temperature_c
    assert mine.cpu == pi.cpu


def test_a_folder_given_wins_over_the_users_over_the_built_in(tmp_path: Path, no_user_folder: Path) -> None:
    text = 'extends = "raspberry-pi-5"\ntitle = "{}"\n'
    given = write_descriptor(tmp_path / "given", "raspberry-pi-5", text.format("given"))
    write_descriptor(no_user_folder, "raspberry-pi-5", text.format("user"))

    assert targets.load("raspberry-pi-5", [given]).title == "given"
    assert targets.load("raspberry-pi-5").title == "user"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[limits]\ntimeout = 3\n', "unknown key 'limits.timeout', did you mean 'timeout_s'"),
        ('[cpu]\nclusters = [{ core = "A", coers = 4 }]\n', "did you mean 'cores'"),
        ('[runtimes.x]\ninstall = "a"\nnotes = "b"\n', "did you mean 'note'"),
        ('quantum_computer = true\n', "unknown key 'quantum_computer'; known: "),
        ('[memory]\nmark = "guessed"\n', "memory.mark: input should be"),
        ('threads = ["many"]\n', "threads.0: input should be a valid integer"),
        ('[power]\ntotal = [{ scope = "moon", channels = [] }]\n', "power.total.0.scope: input should be"),
        ('kind = "generic\n', "cannot be read as TOML"),
        ('name = "other"\n', "a descriptor's name is its file name"),
        ('extends = "nowhere"\n', "extends 'nowhere', which does not exist"),
        ('extends = "bad"\n', "extends 'bad', in a circle"),
    ],
)  # fmt: skip
def test_errors_in_a_descriptor_are_named(tmp_path: Path, text: str, message: str) -> None:
    base = "" if "extends" in text or "kind" in text else 'title = "x"\nkind = "generic"\n'
    folder = write_descriptor(tmp_path, "bad", base + text)

    with pytest.raises(DescriptorError) as error:
        targets.load("bad", [folder])

    assert message in str(error.value)
    assert "bad.toml" in str(error.value)


def test_a_missing_title_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DescriptorError, match="title: field required"):
        targets.load("bad", [write_descriptor(tmp_path, "bad", 'kind = "board"\n')])


def test_every_power_rule_is_for_one_sensor_unit() -> None:
    """A rule's patterns have the parts its sensor's channels have, so that they can match at all."""
    examples = [
        Channel(name, "W")
        for name in ("ina3221/1-0040/VDD_IN", "ina3221x/1-0040/VDD_IN", "ina2xx/1-0044/VIN", "pmic/VDD", "jtop/VDD_IN")
    ] + [Channel("powercap/package-0", "J"), Channel("powercap/package-0/dram", "J")]
    for name in PROMISED:
        for rule in targets.load(name).power.total:
            for pattern in (*rule.channels, *rule.optional):
                shape = "/".join([pattern.split("/")[0], *["*"] * pattern.count("/")])
                assert any(matches(shape, channel.name) for channel in examples), (name, pattern)


def test_the_schema_knows_every_key_and_refuses_others() -> None:
    schema = targets.schema()

    fields = {field.name for field in dataclasses.fields(targets.load("x86-64"))}
    assert set(schema["properties"]) == fields - {"name"} | {"extends"}
    assert schema["additionalProperties"] is False
    assert all(each["additionalProperties"] is False for each in schema["$defs"].values())
    json.dumps(schema)


def test_the_schema_agrees_with_the_loader_on_every_built_in_file() -> None:
    properties = set(targets.schema()["properties"])
    for path in targets.builtin_folder().glob("*.toml"):
        assert set(descriptors._parse(path)) <= properties


def test_importing_targets_is_light() -> None:
    program = "import sys, targets; print([name for name in ('pydantic', 'numpy', 'pandas') if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
