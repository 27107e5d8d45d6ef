"""ONNX Runtime's execution providers: where each exists, how to install it, its precision and its options.

Options are those of ONNX Runtime's page on each provider (onnxruntime.ai/docs/execution-providers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.runtimes.base import Capability

CPU = "CPUExecutionProvider"
SESSION = "session."
"""How the options begin that belong to the session and not to its provider (onnxruntime_session_options_config_keys.h).
"""
_BUILD = "build onnxruntime for this machine with --build_wheel {}: no wheel of it is published"
_FLOAT = {"fp32": "fp32", "weight-only": "fp32, weights dequantized"}
_GPU = {
    **_FLOAT,
    "fp16": "fp16",
    "int8": "int8 where its kernels take the QDQ pairs, else fp32",
    "int8-dynamic": "fp32 where it takes the node, the rest on the CPU",
}
_CPU_KERNELS = {
    **_FLOAT,
    "fp16": "fp32 for most operators: fp16 is storage",
    "int8": "int8",
    "int8-dynamic": "int8 matrix products, the rest fp32",
}
_ARM = ("aarch64", "arm64")


@dataclass(frozen=True)
class Provider:
    """One provider by ONNX Runtime's own name. `threads_option` is the key of its own thread pool, '' for none."""

    name: str
    capability: Capability
    options: Mapping[str, str] = field(default_factory=dict)
    threads_option: str = ""


def _capability(
    install: str,
    computes: Mapping[str, str],
    device: str = "cpu",
    architectures: tuple[str, ...] = (),
    systems: tuple[str, ...] = ("Linux",),
    note: str = "",
) -> Capability:
    """Return the capability of a provider that the user must name."""
    return Capability(
        formats=("onnx", "ort"),
        modules=("onnxruntime",),
        install=install,
        computes=computes,
        architectures=architectures,
        systems=systems,
        device=device,  # type: ignore[arg-type]
        by_default=False,
        profiler=True,
        note=note,
        hardware_tested=device == "cpu",
    )


PROVIDERS: Mapping[str, Provider] = {
    "cpu": Provider(
        CPU,
        Capability(
            ("onnx", "ort"),
            ("onnxruntime",),
            "pip install onnxruntime",
            _CPU_KERNELS,
            profiler=True,
            flush_denormals={f"{SESSION}set_denormal_as_zero": "1"},
        ),
    ),
    "xnnpack": Provider(
        "XnnpackExecutionProvider",
        _capability(_BUILD.format("--use_xnnpack"), {**_FLOAT, "fp16": "fp16 on Armv8.2", "int8": "int8"}),
        threads_option="intra_op_num_threads",
    ),
    "acl": Provider(
        "ACLExecutionProvider",
        _capability(_BUILD.format("--use_acl --acl_home DIR"), _CPU_KERNELS, architectures=_ARM),
        {"enable_fast_math": "false"},
    ),
    "cuda": Provider(
        "CUDAExecutionProvider",
        _capability(
            "pip uninstall -y onnxruntime && pip install onnxruntime-gpu",
            _GPU,
            "gpu",
            note="on a Jetson take NVIDIA's wheel for its JetPack; inputs and outputs are copied within an inference",
        ),
        {"use_tf32": "0"},  # else fp32 convolutions silently have ten bits of mantissa
    ),
    "tensorrt": Provider(
        "TensorrtExecutionProvider",
        _capability(
            "pip uninstall -y onnxruntime && pip install onnxruntime-gpu tensorrt",
            {**_GPU, "fp16": "fp16 (set trt_fp16_enable)", "int8": "int8 (set trt_int8_enable)"},
            "gpu",
            note="on a Jetson take NVIDIA's wheel for its JetPack, which has TensorRT; engines are built when loading",
        ),
        {"trt_fp16_enable": "0", "trt_int8_enable": "0"},
    ),
    "openvino": Provider(
        "OpenVINOExecutionProvider",
        _capability(
            "pip uninstall -y onnxruntime && pip install onnxruntime-openvino",
            {**_FLOAT, "fp16": "fp32", "int8": "int8"},
            architectures=("x86_64",),
            note="the runtime openvino-cpu needs no such build",
        ),
        {"device_type": "CPU", "precision": "FP32"},
        threads_option="num_of_threads",
    ),
    "nnapi": Provider(
        "NnapiExecutionProvider",
        _capability(
            _BUILD.format("--android --use_nnapi"),
            {**_FLOAT, "int8": "int8"},
            "npu",
            _ARM,
            ("Android", "Linux"),
            "Android alone has NNAPI",
        ),
    ),
    "coreml": Provider(
        "CoreMLExecutionProvider",
        _capability(
            "pip install onnxruntime", {**_FLOAT, "fp16": "fp16"}, "npu", _ARM, ("Darwin",), "in the wheel for macOS"
        ),
    ),
    "qnn": Provider(
        "QNNExecutionProvider",
        _capability(
            "pip uninstall -y onnxruntime && pip install onnxruntime-qnn",
            {"fp16": "fp16", "int8": "int8"},
            "npu",
            _ARM,
            note="needs Qualcomm's QAIRT libraries; backend_path chooses CPU, GPU or HTP",
        ),
        {"backend_path": "libQnnHtp.so"},
    ),
}
"""By the last part of our runtime's name: 'cuda' is 'onnxruntime-cuda'."""
