"""What every registered runtime says of itself, and how a machine that cannot have it is told."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from harness.core import plugins
from harness.core.artifact import FORMATS
from harness.runtimes.base import Adapter, Capability, SessionError, Stored, import_library
from harness.runtimes.installed import by_preference

RUNTIMES: dict[str, Adapter] = plugins.load_all("runtimes")
LIBRARIES = ("onnxruntime", "ai_edge_litert", "tflite_runtime", "openvino", "torch", "executorch", "tensorflow")


@pytest.mark.parametrize("name", RUNTIMES)
def test_its_facts_are_whole(name: str) -> None:
    one = RUNTIMES[name]
    assert one.name == name
    assert set(one.formats) <= set(FORMATS)
    assert set(one.capability.computes) <= set(get_args(Stored))
    assert name == "null" or (one.capability.install and one.capability.computes)
    assert "edgebench[" not in one.capability.install


def test_the_facts_need_no_library() -> None:
    code = (
        "import sys\nfrom harness.core import plugins\nfrom harness.runs.runtime_overview import settings\n"
        "for one in plugins.load_all('runtimes').values():\n    one.support(one.formats[0]), settings(one.capability)\n"
        f"print([name for name in {LIBRARIES} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_first_check_that_fails_is_the_reason() -> None:
    never = Capability(("onnx",), ("no_such_library",), "pip install it", architectures=("riscv64",))
    assert never.support("tflite").reason == "takes onnx, not tflite"
    assert never.support("tflite").remedy == "give a .onnx file"
    assert never.support("onnx").reason.startswith("is made for riscv64, this is ")
    elsewhere = Capability(("onnx",), ("json",), systems=("Plan 9",))
    assert "runs on Plan 9" in elsewhere.support("onnx").reason
    absent = Capability(("onnx",), ("no_such_library",), "pip install it").support("onnx")
    assert (absent.ok, absent.remedy) == (False, "pip install it")
    assert Capability(("onnx",), ("no_such_library", "json")).support("onnx").ok


def test_the_first_module_found_is_the_one() -> None:
    assert Capability(("onnx",), ("no_such_library", "json")).module == "json"
    assert Capability(("onnx",), ("no_such_library", "nor_this")).module == "no_such_library"
    assert Capability(("onnx",)).module == ""
    assert not Capability(("onnx",), ("no_such_package.part",)).support("onnx").ok


def test_runtimes_that_must_be_named_are_not_chosen() -> None:
    chosen = [name for name, _ in by_preference()]
    assert chosen[:2] == ["litert-xnnpack", "onnxruntime-cpu"]
    assert not {"null", "litert-reference", "openvino-cpu-bf16", "onnxruntime-cuda"} & set(chosen)


@pytest.mark.parametrize(
    "error", ["ImportError('libfoo.so: cannot open')", "OSError('libfoo.so')", "AttributeError('_ARRAY_API')"]
)
def test_a_library_that_does_not_load_is_no_crash(
    error: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_library.py").write_text(f"raise {error}\n")  # type: ignore[operator]
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SessionError, match="broken_library is installed but does not load") as raised:
        import_library("broken_library", "pip install broken-library")
    assert raised.value.remedy == "install it again: pip install broken-library"
