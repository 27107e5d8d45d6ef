"""The runtime edgetpu on a stand-in for libedgetpu: what runs, what is told of it, and five refusals apart."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from harness.core import plugins
from harness.core.quantity import Missing
from harness.runs.runtime_overview import runtime_statuses
from harness.runtimes.base import Adapter, Options, Session, SessionError
from harness.runtimes.edgetpu import adapter
from suites.artifacts import catalog
from targets import descriptors
from tests.fakes.edgetpu import built
from tests.tflite_bytes import (
    CACHING,
    DEQUANTIZE,
    EXECUTING,
    FLOAT,
    LOGISTIC,
    SHAPE,
    STAND_ALONE,
    Op,
    chain,
    compiled,
    package,
)

EDGETPU: Adapter = plugins.load("runtimes", "edgetpu")
SHIPPED = catalog.ARTIFACTS / "mobilenet_v2-0.35-32"
WHOLE = compiled(package((EXECUTING, 0), (CACHING, 5000), runtime=13))
X = np.int8([[-128, -1, 0, 127]])


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("libedgetpu"))


def open_session(folder: Path, data: bytes, library: Path | str, **settings: str) -> Session:
    model = folder / "net_edgetpu.tflite"
    model.write_bytes(data)
    return EDGETPU.open(model, Options(settings={"library": str(library), **settings}))


def output(session: Session) -> np.ndarray:
    (spec,) = session.inputs
    session.prepare({spec.name: X})
    session.infer()
    return next(iter(session.fetch().values()))


def refused(folder: Path, data: bytes, library: Path | str, **settings: str) -> SessionError:
    with pytest.raises(SessionError) as raised:
        open_session(folder, data, library, **settings)
    return raised.value


@pytest.mark.parametrize("device", ["", "usb", "usb:0"])
def test_a_compiled_net_runs_on_the_delegate(tmp_path: Path, library: Path, device: str) -> None:
    session = open_session(tmp_path, chain(WHOLE), library, **({"device": device} if device else {}))
    (spec,) = session.inputs
    assert (spec.shape, spec.dtype) == (SHAPE, "int8")
    assert output(session).tolist() == [[0.0, 127 / 256, 128 / 256, 255 / 256]]  # the stand-in copies
    ran = session.execution()
    assert ran.effective == "int8"
    assert ran.nodes == {"edgetpu": 1, "cpu": 0}
    assert [(each.check, each.status) for each in ran.findings] == [("parameters", "ok")]


def test_what_it_is_and_takes_stands_in_the_record(tmp_path: Path, library: Path) -> None:
    info = open_session(tmp_path, chain(WHOLE), library).info()
    assert info["parameters"] == {"on_chip_bytes": 5000, "streamed_bytes": 0}
    assert info["min_runtime_version"] == 13
    assert info["delegate_version"] == "BuildLabel(N/A), RuntimeVersion(14)"
    assert info["devices"] == ["usb:0 /sys/bus/usb/devices/2-1"]
    assert info["options"] == {"library": str(library)}
    assert info["library"] in ("ai_edge_litert", "tflite_runtime")


def test_operators_of_the_host_are_a_finding_with_their_names(tmp_path: Path, library: Path) -> None:
    streaming = compiled(package((EXECUTING, 700), (CACHING, 4000)))
    net = chain(WHOLE, Op(LOGISTIC), Op(LOGISTIC), streaming, Op(DEQUANTIZE, FLOAT))
    ran = open_session(tmp_path, net, library).execution()
    assert ran.nodes == {"edgetpu": 2, "cpu": 3}
    fallback, parameters = ran.findings
    assert fallback.found == "3 of 5 nodes run on the host's CPU: LOGISTIC x2, DEQUANTIZE"
    assert (parameters.check, parameters.status) == ("parameters", "warn")
    assert "9000 bytes of parameters stay on the Edge TPU, 700 are sent" in parameters.found


def test_a_package_of_another_form_runs_and_its_memory_is_missing(tmp_path: Path, library: Path) -> None:
    session = open_session(tmp_path, chain(compiled(b"of another time")), library)
    assert session.info()["parameters"].keys() == {"reason"}
    assert [(each.check, each.status) for each in session.execution().findings] == [("parameters", "unknown")]
    assert isinstance(session.profile(1), Missing)


def test_a_net_that_is_not_compiled_gets_the_command_that_does_it() -> None:
    with pytest.raises(SessionError, match=r"^not compiled for Edge TPU: int8-static\.tflite") as raised:
        EDGETPU.open(SHIPPED / "int8-static.tflite", Options())
    assert f"edgetpu_compiler -s {SHIPPED / 'int8-static.tflite'}" in raised.value.remedy


@pytest.mark.parametrize("setting", ["fp32", "fp16", "int8-dynamic", "int8-weight-only"])
def test_a_net_of_other_than_8_bits_must_be_quantized_first(setting: str) -> None:
    with pytest.raises(SessionError, match=r"^not fully int8: .*float32") as raised:
        EDGETPU.open(SHIPPED / f"{setting}.tflite", Options())
    assert "int8-static-io8" in raised.value.remedy


def test_a_missing_library_names_the_packages(tmp_path: Path) -> None:
    error = refused(tmp_path, chain(WHOLE), "libno_such_edgetpu.so.1")
    assert str(error).startswith("delegate missing: libno_such_edgetpu.so.1: cannot open shared object file")
    assert "libedgetpu1-std" in error.remedy


def test_a_library_that_is_no_delegate_is_said_to_be_none(tmp_path: Path) -> None:
    error = refused(tmp_path, chain(WHOLE), "libc.so.6")
    assert str(error).startswith("libc.so.6 is no delegate library: it has no tflite_plugin_create_delegate")


@pytest.mark.parametrize("macros", [["DEVICES=0"], ["DEVICES=0", "SILENT"]])
def test_no_device_says_where_to_look(tmp_path: Path, macros: list[str]) -> None:
    error = refused(tmp_path, chain(WHOLE), built(tmp_path, *macros))
    assert str(error).startswith("no device: ")
    assert re.search("1a6e:089a.*18d1:9302.*udev.*apex", error.remedy)


def test_a_device_that_is_not_there_is_named(tmp_path: Path, library: Path) -> None:
    error = refused(tmp_path, chain(WHOLE), library, device="pci:0")
    assert str(error) == "no device: libedgetpu could not open the Edge TPU requested: 'pci:0'"
    assert str(refused(tmp_path, chain(WHOLE), library, device="gpu")) == "no Edge TPU is called 'gpu'"


@pytest.mark.parametrize("macros", [["RUNTIME=13"], ["REFUSES", "SILENT"]])
def test_a_model_for_a_newer_runtime_is_a_mismatch(tmp_path: Path, macros: list[str]) -> None:
    """By its version where the library tells one, else by what it says when it prepares the graph."""
    error = refused(tmp_path, chain(compiled(package((STAND_ALONE, 1), runtime=14))), built(tmp_path, *macros))
    assert str(error) == ("runtime version mismatch: the model was compiled for runtime 14, this libedgetpu has 13")
    assert "edgetpu_compiler -s --min_runtime_version 13" in error.remedy


def test_a_library_of_another_release_is_told_from_a_bad_model() -> None:
    """What users of old and new releases together were shown (google-coral/edgetpu#44)."""
    words = "Internal: Unsupported data type in custom op handler: 0Node number 1 (EdgeTpuDelegateForCustomOp) failed"
    error = adapter._explained(SessionError(words))
    assert str(error).startswith("libedgetpu was built for another release of TensorFlow Lite")
    assert error.remedy
    other = SessionError("something else")
    assert adapter._explained(other) is other


def test_litert_alone_points_to_this_runtime(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(chain(WHOLE))
    with pytest.raises(SessionError, match="edgetpu-custom-op") as raised:
        plugins.load("runtimes", "litert-xnnpack").open(tmp_path / "net.tflite", Options())
    assert "use the runtime edgetpu" in raised.value.remedy


def test_edgebench_runtimes_asks_the_library(monkeypatch: pytest.MonkeyPatch, library: Path) -> None:
    monkeypatch.setattr(adapter, "DEFAULT", str(library))
    assert EDGETPU.probe()["devices"] == ["usb:0 /sys/bus/usb/devices/2-1"]
    monkeypatch.setattr(adapter, "DEFAULT", "libno_such_edgetpu.so.1")
    with pytest.raises(SessionError, match=r"^delegate missing"):
        EDGETPU.probe()


@pytest.mark.parametrize(
    ("board", "unusable"),
    [
        ("coral-dev-board", ""),
        ("coral-dev-board-mini", ""),
        ("raspberry-pi-5+coral-usb", ""),
        ("x86-64+coral-pcie", ""),
        ("raspberry-pi-5", "needs an Edge TPU, this board has none"),
    ],
)
def test_boards_with_an_edge_tpu_can_have_it(board: str, unusable: str) -> None:
    (view,) = (each for each in runtime_statuses(descriptors.load(board), here=False) if each.name == "edgetpu")
    assert view.unusable == unusable
    assert "libedgetpu1-std" in view.install
    assert view.settings["int8-static-io8"] == "int8, once compiled by edgetpu_compiler; the rest on the host"
    assert view.settings["fp32"] == view.settings["int16x8"] == "not taken"
