"""Facts about the hardware, each read from one system file: processor, board, memory, buses, Raspberry Pi firmware."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from posixpath import dirname

from harness.core.hardware.raspberry_pi import firmware_answer, throttle_word, throttled_file
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

DEVICE_TREE = "/proc/device-tree"
TREE_HIDDEN = (
    "this container hides the device tree (/sys/firmware): start it with --security-opt systempaths=unconfined "
    "(Docker) or --security-opt unmask=/sys/firmware (Podman), or name the board with --target"
)

# 'CPU part' of implementer 0x41 (Arm) in /proc/cpuinfo; numbers from Arm's MIDR_EL1 tables in the core manuals.
_ARM_PARTS = {
    0xC07: "Cortex-A7", 0xC09: "Cortex-A9", 0xC0F: "Cortex-A15", 0xD03: "Cortex-A53", 0xD04: "Cortex-A35",
    0xD05: "Cortex-A55", 0xD07: "Cortex-A57", 0xD08: "Cortex-A72", 0xD09: "Cortex-A73", 0xD0A: "Cortex-A75",
    0xD0B: "Cortex-A76", 0xD0C: "Neoverse-N1", 0xD40: "Neoverse-V1", 0xD41: "Cortex-A78", 0xD42: "Cortex-A78AE",
    0xD49: "Neoverse-N2", 0xD4F: "Neoverse-V2", 0xD83: "Neoverse-V3AE", 0xD84: "Neoverse-V3",
}  # fmt: skip
_OTHER_ARCHES = {"mvendorid": "riscv64", "CPU Family": "loongarch64", "timebase": "ppc64le", "cpu model": "mips64"}
"""By a key of /proc/cpuinfo that only this architecture has."""

_NVIDIA_PARTS = {0x003: "Denver 2", 0x004: "Carmel"}
_ISA_FEATURES = {
    "sse4_1", "avx", "avx2", "f16c", "fma", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "amx_int8",
    "amx_bf16", "asimd", "asimdhp", "fphp", "asimddp", "i8mm", "bf16", "sve", "sve2", "neon",
}  # fmt: skip

_ARCH_FILES = {
    "/sys/devices/system/cpu/intel_pstate": "x86_64",
    "/sys/class/powercap/intel-rapl": "x86_64",
    "/sys/class/powercap/intel-rapl:0": "x86_64",
}
_CPU_NODES = f"{DEVICE_TREE}/cpus/cpu@*/compatible"
_CPU_TOKENS = (
    (r"riscv", "riscv64"),
    (r"arm,(armv7.*|cortex-a([5789]|1[257]))", "armv7l"),
    (r"arm,(armv8.*|cortex-.*|neoverse-.*)|nvidia,.*(carmel|denver).*|qcom,(kryo|oryon).*|apple,.*", "aarch64"),
)
"""Architecture by a token of a CPU's 'compatible' in the device tree, such as 'arm,cortex-a76'."""


@dataclass(frozen=True)
class CpuInfo:
    """The processor as /proc/cpuinfo describes it.

    Attributes:
        arch: Architecture in the words of `platform.machine()`, such as 'x86_64'; '' where the file does not show it.
        model: Model name, '' where the file has none.
        cores: Number of logical processors.
        parts: Number of cores by core name, for Arm and RISC-V ('Cortex-A76', 'sifive,u74-mc').
        isa: Instruction set features that decide which kernels a runtime chooses, sorted.
        microcode: Microcode revision, '' off x86.
        hypervisor: Whether the CPU flag of a hypervisor is set.
    """

    arch: str
    model: str
    cores: int
    parts: dict[str, int]
    isa: tuple[str, ...]
    microcode: str
    hypervisor: bool


def cpu(fs: HostFs) -> CpuInfo | Missing:
    """Return the processor of /proc/cpuinfo; Missing when the file is absent or lists no processor."""
    text = fs.read("/proc/cpuinfo")
    if isinstance(text, Missing):
        return text
    blocks = [_pairs(block) for block in re.split(r"\n\s*\n", text)]
    cores = [block for block in blocks if "processor" in block]
    if not cores:
        return Missing("no processor in /proc/cpuinfo")
    first = cores[0]
    features = set((first.get("flags") or first.get("Features") or "").split())
    model = next((name for name in (first.get("model name"), first.get("Model name")) if name), "")
    return CpuInfo(
        arch=_arch(first),
        model=model,
        cores=len(cores),
        parts=dict(Counter(filter(None, map(_core_name, cores)))),
        isa=tuple(sorted(features & _ISA_FEATURES)),
        microcode=first.get("microcode", ""),
        hypervisor="hypervisor" in features,
    )


def cpuinfo_serial(fs: HostFs) -> str | Missing:
    """Return the line 'Serial' of /proc/cpuinfo, which kernels of Arm boards write behind the processors."""
    text = fs.read("/proc/cpuinfo")
    if isinstance(text, Missing):
        return text
    match = re.search(r"^Serial[ \t]*:[ \t]*(\S.*)$", text, re.MULTILINE)
    return match[1].strip() if match else Missing("absent: Serial in /proc/cpuinfo")


def _pairs(block: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in block.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _arch(core: dict[str, str]) -> str:
    if "flags" in core:
        return "x86_64" if "lm" in core["flags"].split() else "i686"
    if "CPU implementer" in core:
        return "aarch64" if core.get("CPU architecture") in {"8", "AArch64"} else "armv7l"
    isa = core.get("isa", "")
    if isa.startswith(("rv64", "rv32")):
        return "riscv64" if isa.startswith("rv64") else "riscv32"
    return next((arch for key, arch in _OTHER_ARCHES.items() if key in core), "")


def arch(fs: HostFs, cpu: CpuInfo | Missing) -> str | Missing:
    """Return the architecture by /proc/cpuinfo, else by other files."""
    if not isinstance(cpu, Missing) and cpu.arch:
        return cpu.arch
    found = arch_by_files(fs)
    return found if isinstance(found, Missing) else found[0]


def arch_by_files(fs: HostFs) -> tuple[str, str] | Missing:
    """Return (architecture, file that shows it) from files other than /proc/cpuinfo."""
    kernel = fs.read("/proc/sys/kernel/arch")
    if isinstance(kernel, str) and kernel:
        return kernel, "/proc/sys/kernel/arch"
    for name in fs.glob(_CPU_NODES):
        for token in _tokens(fs, name):
            if known := next((arch for pattern, arch in _CPU_TOKENS if re.fullmatch(pattern, token)), ""):
                return known, name
    for name, arch in _ARCH_FILES.items():
        if fs.exists(name):
            return arch, name
    return Missing("no file shows the architecture")


def _core_name(core: dict[str, str]) -> str:
    if "uarch" in core:  # RISC-V
        return core["uarch"]
    try:
        implementer, part = int(core["CPU implementer"], 16), int(core["CPU part"], 16)
    except (KeyError, ValueError):
        return ""
    known = {0x41: _ARM_PARTS, 0x4E: _NVIDIA_PARTS}.get(implementer, {})
    return known.get(part, f"implementer {implementer:#x} part {part:#x}")


def compatible(fs: HostFs) -> tuple[str, ...]:
    """Return the tokens of the device tree's root 'compatible', from the board to its chip; empty on a PC."""
    return _tokens(fs, f"{DEVICE_TREE}/compatible")


def _tokens(fs: HostFs, name: str) -> tuple[str, ...]:
    data = fs.read_bytes(name)
    if isinstance(data, Missing):
        return ()
    return tuple(token for token in data.decode("utf-8", "replace").strip().split("\0") if token)


def board_model(fs: HostFs) -> str | Missing:
    """Return the board's name: the device tree's model, else vendor and product by DMI."""
    model = device_tree_model(fs)
    board = dmi_board(fs) if isinstance(model, Missing) else model
    return Missing("neither a device tree nor DMI names the board") if isinstance(board, Missing) else board


def device_tree_model(fs: HostFs) -> str | Missing:
    """Return the device tree's model, a label for people."""
    return fs.read(f"{DEVICE_TREE}/model")


def dmi_board(fs: HostFs) -> str | Missing:
    """Return vendor and product by DMI, on a PC."""
    parts = [fs.read(f"/sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name")]
    words = [part for part in parts if not isinstance(part, Missing) and part]
    return " ".join(words) if words else Missing("no name in /sys/class/dmi/id")


def memory_bytes(fs: HostFs) -> int | Missing:
    """Return MemTotal of /proc/meminfo: the memory that the kernel manages, a little less than is installed."""
    text = fs.read("/proc/meminfo")
    if isinstance(text, Missing):
        return text
    match = re.search(r"^MemTotal:\s+0*([1-9]\d*) kB", text, re.MULTILINE)
    return int(match[1]) * 1024 if match else Missing("no MemTotal in /proc/meminfo")


def usb_ids(fs: HostFs) -> dict[str, str]:
    """Return the sysfs folder of every USB device by 'vendor:product' in lower-case hex."""
    return _ids(fs, "/sys/bus/usb/devices/*/idVendor", "idVendor", "idProduct")


def pci_ids(fs: HostFs) -> dict[str, str]:
    """Return the sysfs folder of every PCI device by 'vendor:device' in lower-case hex."""
    return _ids(fs, "/sys/bus/pci/devices/*/vendor", "vendor", "device")


def _ids(fs: HostFs, pattern: str, vendor: str, product: str) -> dict[str, str]:
    folders: dict[str, str] = {}
    for name in fs.glob(pattern):
        folder = dirname(name)
        ids = [fs.read(f"{folder}/{file}") for file in (vendor, product)]
        if all(isinstance(value, str) for value in ids):
            folders.setdefault(":".join(str(value).lower().removeprefix("0x") for value in ids), folder)
    return folders


_SUPPLY_FILE = f"{DEVICE_TREE}/chosen/power/max_current"
_SUPPLY_BYTES = 4
_MOST_MA = 20_000
"""More than USB power delivery and every supply of a Raspberry Pi give."""


def throttled_bits(fs: HostFs) -> int | Missing:
    """Return a Raspberry Pi's throttle word, from sysfs, else from `vcgencmd`, which forks."""
    name = throttled_file(fs)
    if name is not None:
        return throttle_word(fs.read(name))
    return throttle_word(firmware_answer("get_throttled", fs.command("vcgencmd", "get_throttled")))


def supply_ma(fs: HostFs) -> int | Missing:
    """Return the current in mA that a Raspberry Pi 5's supply offers by USB power delivery."""
    data = fs.read_bytes(_SUPPLY_FILE)
    if isinstance(data, Missing):
        return data
    if len(data) != _SUPPLY_BYTES:
        return Missing(f"not {_SUPPLY_BYTES} bytes: {_SUPPLY_FILE}")
    current_ma = int.from_bytes(data, "big")
    return current_ma if 0 < current_ma <= _MOST_MA else Missing(f"impossible: {_SUPPLY_FILE} offers {current_ma} mA")
