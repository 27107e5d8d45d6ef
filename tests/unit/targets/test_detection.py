"""Which board a tree is, by what evidence, and what is unknown."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

import pytest

import targets
from harness.core.hostfs import HostFs
from tests import trees
from tests.trees import device_tree


@pytest.fixture(autouse=True)
def no_user_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def detect(root: Path, tree: Mapping[str, trees.Content]) -> targets.Detection:
    return targets.detect(HostFs(trees.write(root / "tree", tree)))


X86 = {"proc/cpuinfo": "processor : 0\nmodel name : Intel(R) N100\nflags : lm avx2 avx_vnni\n"}
ARM = {
    "proc/cpuinfo": "processor : 0\nFeatures : asimd\nCPU implementer : 0x41\nCPU architecture: 8\nCPU part : 0xd40\n"
}


def cpu_node(*tokens: str) -> trees.Tree:
    """A device tree that shows a CPU and no board."""
    return {"proc/device-tree/cpus/cpu@0/compatible": "".join(f"{token}\0" for token in tokens).encode()}


BOARDS: dict[str, tuple[Mapping[str, trees.Content], str]] = {
    "pi-5": (trees.raspberry_pi_5(), "raspberry-pi-5"),
    "pi-4": (device_tree("Raspberry Pi 4 Model B Rev 1.5", "raspberrypi,4-model-b", "brcm,bcm2711"), "raspberry-pi-4b"),
    "pi-3": (
        device_tree("Raspberry Pi 3 Model B Plus Rev 1.3", "raspberrypi,3-model-b-plus", "brcm,bcm2837"),
        "raspberry-pi-3b-plus",
    ),
    "pi-zero": (
        device_tree("Raspberry Pi Zero 2 W Rev 1.0", "raspberrypi,model-zero-2-w", "brcm,bcm2837"),
        "raspberry-pi-zero-2-w",
    ),
    "orin-nano": (trees.jetson_orin_nano(), "jetson-orin-nano"),
    "orin-nano-renumbered": (trees.jetson_orin_nano(hwmon=9), "jetson-orin-nano"),
    "orin-nano-no-label": (trees.jetson_orin_nano(labels=False), "jetson-orin-nano"),
    "orin-nx": (
        device_tree("NVIDIA Orin NX", "nvidia,p3768-0000+p3767-0000", "nvidia,p3767-0000", "nvidia,tegra234"),
        "jetson-orin-nx",
    ),
    "agx-orin": (trees.jetson_agx_orin(), "jetson-agx-orin"),
    "agx-xavier": (trees.jetson_agx_xavier(), "jetson-agx-xavier"),
    "xavier-nx": (
        device_tree("NVIDIA Jetson Xavier NX", "nvidia,p3509-0000+p3668-0000", "nvidia,tegra194"),
        "jetson-xavier-nx",
    ),
    "tx2": (device_tree("quill", "nvidia,p2597-0000+p3310-1000", "nvidia,tegra186"), "jetson-tx2"),
    "tx2-nx": (device_tree("TX2 NX", "nvidia,p3509-0000+p3636-0001", "nvidia,tegra186"), "jetson-tx2"),
    "nano": (trees.jetson_nano(), "jetson-nano"),
    "thor": (trees.jetson_thor(), "jetson-thor"),
    "coral-dev": (device_tree("Freescale i.MX8MQ Phanbell", "google,imx8mq-phanbell", "fsl,imx8mq"), "coral-dev-board"),
    "coral-mini": (
        device_tree("MediaTek MT8167 Coral", "mediatek,mt8167-coral", "mediatek,mt8167"),
        "coral-dev-board-mini",
    ),
    "n100": (X86, "intel-n100"),
    "vm": (trees.virtual_machine(), "x86-64"),
    "graviton": (ARM, "aarch64"),
    "coral-pcie-on-x86": ({**trees.virtual_machine(), **trees.coral_host()}, "x86-64+coral-pcie"),
    "coral-usb-on-pi": ({**trees.raspberry_pi_5(), **trees.coral_usb()}, "raspberry-pi-5+coral-usb"),
    "coral-before-first-use": ({**trees.raspberry_pi_5(), **trees.coral_usb(used=False)}, "raspberry-pi-5+coral-usb"),
}


@pytest.mark.parametrize("case", BOARDS)
def test_the_board_is_named(tmp_path: Path, case: str) -> None:
    tree, name = BOARDS[case]

    found = detect(tmp_path, tree)

    assert found.target.name == name
    assert found.evidence


def test_a_device_tree_that_a_container_hides_is_said(tmp_path: Path) -> None:
    hidden: trees.Tree = {
        **ARM,
        "proc/device-tree": trees.Link("../sys/firmware/devicetree/base"),
        "sys/firmware/.keep": "",
    }

    (unknown,) = [text for text in detect(tmp_path, hidden).unknown if text.startswith("the board")]

    assert "this container hides the device tree" in unknown
    assert "--target" in unknown


def test_a_version_of_a_board_is_detected_by_its_module(tmp_path: Path) -> None:
    target = detect(tmp_path, trees.jetson_orin_nano()).target

    assert target.title == "NVIDIA Jetson Orin Nano 8GB Super"
    assert target.memory.bandwidth_bytes_per_s == 102e9
    assert {mode.name for mode in target.power.modes} >= {"7W", "15W", "25W"}


def test_a_board_with_a_known_chip_is_detected_as_family(tmp_path: Path) -> None:
    found = detect(tmp_path, device_tree("Raspberry Pi 500 Rev 1.0", "raspberrypi,500", "brcm,bcm2712"))

    assert found.target.name == "raspberry-pi-5"
    assert "the exact board: only its chip is in a descriptor, not 'raspberrypi,500'" in found.unknown


def test_an_unknown_module_is_not_guessed(tmp_path: Path) -> None:
    found = detect(tmp_path, {**ARM, **device_tree("A Jetson to come", "nvidia,p9999-0000", "nvidia,tegra234")})

    assert found.target.name == "aarch64"
    assert "the board: 'nvidia,p9999-0000' is in no descriptor" in found.unknown


def test_two_descriptors_that_fit_equally_are_not_guessed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        text = 'extends = "aarch64"\nkind = "board"\n[identity]\ncompatible = ["acme,board"]\n'
        trees.write(tmp_path / "user", {f"{name}.toml": text})
    root = trees.write(tmp_path / "tree", {**ARM, **device_tree("Acme", "acme,board")})

    found = targets.detect(HostFs(root), [tmp_path / "user"])

    assert found.target.name == "aarch64"
    assert "the board: device-tree token acme,board fits one and two" in found.unknown


def test_a_generic_machine_is_filled_from_what_it_shows(tmp_path: Path) -> None:
    target = detect(tmp_path, trees.virtual_machine()).target

    assert (target.kind, target.cpu.soc, target.cpu.cores) == ("generic", "Intel(R) Xeon(R) Processor", 2)
    assert target.cpu.isa == ("avx", "avx2", "f16c", "fma", "sse4_1")
    assert target.memory_bytes == 4 * 2**30
    assert target.memory_limit_bytes == 3 * 2**30


def test_a_tree_that_shows_no_architecture_has_not_that_of_this_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")

    found = detect(tmp_path, {})

    assert (found.target.name, found.target.arch) == ("unknown", ())
    assert "the architecture: no file shows the architecture" in found.unknown
    assert "the processor: absent: /proc/cpuinfo" in found.unknown
    assert "the memory: absent: /proc/meminfo" in found.unknown


@pytest.mark.parametrize(
    ("tree", "name"),
    [
        (trees.intel_laptop(), "x86-64"),
        ({"proc/sys/kernel/arch": "aarch64"}, "aarch64"),
        (cpu_node("arm,cortex-a55"), "aarch64"),
        (cpu_node("sifive,u74-mc", "riscv"), "riscv64"),
        (cpu_node("arm,cortex-a7"), "armv7l"),
        (device_tree("A board", "acme,board"), "unknown"),
        ({"proc/cpuinfo": "processor : 0\nsomething : else\n"}, "unknown"),
    ],
)
def test_a_recorded_tree_without_cpuinfo_still_shows_its_architecture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tree: trees.Tree, name: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")

    assert detect(tmp_path, tree).target.name == name


def test_an_architecture_without_a_descriptor_is_named_after_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")

    core = "hart : {0}\nisa : rv64imafdc_zicntr_zicsr\nmmu : sv39\nuarch : sifive,u74-mc\n\n"
    found = detect(tmp_path, {"proc/cpuinfo": "".join(f"processor : {n}\n{core}" for n in range(4))})

    assert (found.target.name, found.target.arch, found.target.cpu.cores) == ("riscv64", ("riscv64",), 4)
    assert "4 x sifive,u74-mc by /proc/cpuinfo" in found.evidence


def test_the_edge_tpu_soldered_on_is_no_second_one(tmp_path: Path) -> None:
    board = device_tree("Freescale i.MX8MQ Phanbell", "google,imx8mq-phanbell")

    found = detect(tmp_path, {**board, **trees.coral_host()})

    assert found.target.name == "coral-dev-board"
    assert len(found.target.accelerators) == 1


def test_this_very_machine_is_something() -> None:
    found = targets.detect(HostFs())

    assert platform.machine() in found.target.arch
    assert found.target.memory_bytes
