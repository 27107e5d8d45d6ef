"""Rules about precision: why int8 is not faster, what fp16 is, and what a setting can bring on a processor."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from harness.core import plugins
from harness.core.execution import OperatorTiming

from .situation import Explanation, Situation, kinds, taking

DOT_PRODUCT = frozenset({"avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm"})
"""Instructions that multiply and sum four or more int8 pairs: VNNI and AMX of x86, SDOT and SMMLA of Arm."""

_CONVERSION = re.compile(r"^(Quantize|Dequantize|DynamicQuantize)Linear$|^(DE)?QUANTIZE$|^Cast$|^Convert\b")
_DYNAMIC_CONVOLUTION = re.compile(r"^(ConvInteger|DynamicQuantizeLinear)$|\bQDU?8\b")
_DYNAMIC_PRODUCT = re.compile(r"^(MatMulInteger\w*|DynamicQuantizeMatMul)$")
_FLOAT = frozenset({"float", "float16", "F32", "F16"})
CONVERSIONS_MATTER = 0.05
FLOATS_MATTER = 0.10


def slower_than_fp32(situation: Situation) -> Explanation | None:
    """Report an int8 net that takes longer than the fp32 one on the same runtime."""
    compared = situation.against_fp32() if situation.int8 else None
    if compared is None or compared[0] <= 1:
        return None
    remedy = "measure with --deep to see the operators"
    if situation.profile is not None:
        remedy = "the findings below name the cause where it was seen"
    return Explanation(
        "int8-slower",
        "warn",
        f"{compared[1]}: {compared[0]:.2f} times as long",
        "int8 saves memory here, and costs time",
        f"take fp32 on this runtime if time matters; {remedy}",
    )


def no_instructions(situation: Situation) -> Explanation | None:
    """Report a processor without int8 dot product: there int8 multiplies hardly faster than fp32."""
    if not situation.int8 or not situation.on_cpu or not situation.isa or situation.isa & DOT_PRODUCT:
        return None
    wanted = "VNNI" if situation.x86 else "dot product (asimddp)"
    return Explanation(
        "no-int8-instructions",
        "warn",
        f"the processor reports {', '.join(sorted(situation.isa))}",
        f"there is no int8 {wanted}: products are widened first, which eats most of what int8 saves",
        "expect a smaller model, not a faster one; fp16 on Arm with asimdhp, or fp32, may be as fast",
    )


def dynamic_convolutions(situation: Situation) -> Explanation | None:
    """Report dynamically quantized convolutions: ranges are found and data converted anew at every inference."""
    if situation.record.case.compression != "int8-dynamic":
        return None
    compared, profile = situation.against_fp32(), situation.profile
    dynamic = [each for each in profile.operators if _DYNAMIC_CONVOLUTION.search(each.type)] if profile else []
    slower = compared is not None and compared[0] > 1
    if not dynamic and not (slower and profile is None):
        return None
    said = [f"{compared[1]}"] if compared else []
    said += [kinds(profile, dynamic)] if profile and dynamic else []
    return Explanation(
        "dynamic-convolutions",
        "warn" if slower else "info",
        "; ".join(said),
        "dynamic int8 finds the range of every activation at run time, and its convolutions have no fused kernels",
        "int8-static does this once, with calibration data; or quantize MatMul and Gemm alone",
    )


def products_alone(situation: Situation) -> Explanation | None:
    """Report that only matrix products are quantized: in a convolutional net that is little of the work."""
    profile = situation.profile
    if profile is None or situation.record.case.compression != "int8-dynamic":
        return None
    products = [each for each in profile.operators if _DYNAMIC_PRODUCT.search(each.type)]
    if not products or any(_DYNAMIC_CONVOLUTION.search(each.type) for each in profile.operators):
        return None
    floating = [each for each in profile.operators if _in_float(each) and each not in products]
    return Explanation(
        "products-alone",
        "info",
        f"{kinds(profile, products)} in int8; in floating point {kinds(profile, floating)}",
        "this setting quantizes matrix products alone: convolutions stay as they are",
        "int8-static, where the convolutions are to be faster too",
    )


def conversions(situation: Situation) -> Explanation | None:
    """Report time spent on converting between representations."""
    converting = taking(situation.profile, lambda each: _CONVERSION.search(each.type), CONVERSIONS_MATTER)
    if converting is None or not situation.int8:
        return None
    return Explanation(
        "conversions",
        "warn",
        converting,
        "values are quantized and dequantized within the graph, around operators that have no int8 kernel",
        "see which operators stand between them; quantize those too, replace them, or leave that part in fp32",
    )


def float_operators(situation: Situation) -> Explanation | None:
    """Report operators of an int8 net that compute in floating point: their Q/DQ pair was not fused."""
    floating = taking(situation.profile, _in_float, FLOATS_MATTER)
    if floating is None or not situation.int8 or situation.record.case.compression == "int8-dynamic":
        return None
    return Explanation(
        "float-operators",
        "warn",
        f"{floating} on floating-point inputs",
        "these operators of the int8 net compute in floating point: the runtime has no int8 kernel to fuse them into",
        "hard-swish, sigmoid and squeeze-and-excitation are typical: a net without them gains more from int8",
    )


def _in_float(operator: OperatorTiming) -> bool:
    """Return whether the operator computes on floats; a quantizer only reads them."""
    return operator.dtype in _FLOAT and not _CONVERSION.search(operator.type)


_HALF = frozenset({"float16", "F16"})


def storage_only(situation: Situation) -> Explanation | None:
    """Report fp16 weights that are converted to fp32 before anything is computed."""
    if situation.record.case.compression != "fp16" or not situation.on_cpu:
        return None
    profile = situation.profile
    if profile is not None and any(each.dtype in _HALF and each.type != "Cast" for each in profile.operators):
        return None
    if profile is None and not situation.x86:
        return None
    compared = situation.against_fp32()
    casts = [each for each in profile.operators if each.type == "Cast"] if profile else []
    said = [compared[1]] if compared else []
    said += [kinds(profile, casts)] if profile and casts else []
    said += [f"none of {len(profile.operators)} operators computes on fp16"] if profile else []
    return Explanation(
        "fp16-storage-only",
        "info",
        "; ".join(said) or f"{situation.record.case.runtime} on {situation.host.get('arch')}",
        "fp16 weights, fp32 compute: half the file, no less work",
        "take it for its size; time is saved by int8, or by a processor and runtime with fp16 kernels",
    )


def saves_no_time(situation: Situation) -> Explanation | None:
    """Report settings that save space or accuracy but no time: sparsity, weights alone, the same graph."""
    slow = [one for one in settings_in(situation.record.case.compression) if not one.saves_time and one.note]
    if not slow:
        return None
    compared = situation.against_fp32()
    name = " and ".join(one.name for one in slow)
    return Explanation(
        "setting-saves-no-time",
        "info",
        compared[1] if compared else f"{name} on {situation.record.case.runtime}",
        "; ".join(one.note for one in slow),
        "where time matters take fewer channels (channel-pruned-N) or int8-static",
    )


def settings_in(compression: str) -> list[Any]:
    """Return the registered settings that make up a case's compression ('channel-pruned-50+int8-static')."""
    known = plugins.load_all("compression")
    return [known[part] for part in compression.split("+") if part in known]


def prospects(compression: str, isa: Collection[str]) -> list[str]:
    """Return one sentence per setting that has one, for a processor with the features `isa` (empty: unknown)."""
    return [words for setting in settings_in(compression) if (words := setting.expectation(isa))]
