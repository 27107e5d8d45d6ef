"""Against the roofline: what this machine could do at most, and what the net asks of it.

Williams, Waterman and Patterson, 'Roofline', CACM 52(4), 2009: a program is bound either by arithmetic or by the bytes
it moves. Here the arithmetic of an inference is twice its multiply-accumulates; of the bytes only the weights are
known, so the memory bound is a lower one.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.quantity import Missing

from .situation import Explanation, Situation, milliseconds, percent

SLACK = 1.25
"""A matrix product by the BLAS library reaches 80 % of the arithmetic peak or more."""
FAR_BELOW = 0.25

_INT8_GAIN = (("amx_int8", 32.0), ("i8mm", 8.0), ("avx512_vnni", 4.0), ("avx_vnni", 4.0), ("asimddp", 4.0))
_HALF_GAIN = (("amx_bf16", 16.0), ("avx512_bf16", 2.0), ("bf16", 4.0), ("asimdhp", 2.0))
_PLAIN_INT8_GAIN = 2.0


@dataclass(frozen=True)
class RooflineBounds:
    """The least time an inference can take: for its arithmetic, and for fetching its weights from memory, in ns.

    `memory_ns` is 0 where the weights stay in the last-level cache; `gain` is the arithmetic peak over that of fp32.
    """

    compute_ns: float
    memory_ns: float
    gain: float


def roofline_bounds(situation: Situation) -> RooflineBounds | None:
    """Return the bounds, None where roofline or MACs are unknown or another processor computes."""
    artifact, roofline = situation.record.artifact, situation.roofline
    if isinstance(roofline, Missing) or artifact is None or not artifact.macs or not situation.on_cpu:
        return None
    case, gain = situation.record.case, precision_gain(situation)
    roof = roofline.at(case.threads)
    cached = roofline.cache_bytes is None or artifact.size_bytes <= roofline.cache_bytes
    return RooflineBounds(
        compute_ns=2 * artifact.macs * case.batch / (roof.flops_per_s * gain) * 1e9,
        memory_ns=0.0 if cached else artifact.size_bytes / roof.bytes_per_s * 1e9,
        gain=gain,
    )


def precision_gain(situation: Situation) -> float:
    """Return the peak multiply rate in this setting as a multiple of the fp32 rate: products per instruction.

    Counted against an fp32 multiply-add of the same vector width (Intel's and Arm's instruction references: VPDPBUSD
    and SDOT 4, SMMLA 8, TDPBUSD 32). fp16 and bf16 may stand in for fp32 where the runtime says so.
    """
    told = str(situation.record.runtime_info.get("inference_precision", ""))
    if situation.int8:
        return _gain(situation.isa, _INT8_GAIN, _PLAIN_INT8_GAIN)
    half = situation.record.case.compression in ("fp16", "bf16") or "16" in told
    return _gain(situation.isa, _HALF_GAIN, 1.0) if half else 1.0


def _gain(isa: frozenset[str], table: tuple[tuple[str, float], ...], otherwise: float) -> float:
    return next((gain for feature, gain in table if feature in isa), otherwise)


def beats_the_roof(situation: Situation) -> Explanation | None:
    """Report a latency below what the arithmetic takes at this machine's peak."""
    found, latency = roofline_bounds(situation), situation.latency
    if found is None or latency is None or latency.value * SLACK >= found.compute_ns:
        return None
    return Explanation(
        "beats-the-roof",
        "error",
        f"{milliseconds(latency.value)} for arithmetic that takes {milliseconds(found.compute_ns)} at this machine's "
        f"measured peak ({found.gain:g} times the fp32 rate assumed)",
        "no inference can be faster than its arithmetic: the latency, the count of operations or the roofline is wrong",
        "measure the peak on a quiet machine (edgebench roofline --again); check that outputs are right",
    )


def memory_bound(situation: Situation) -> Explanation | None:
    """Report that fetching the weights takes longer than computing with them."""
    found, latency = roofline_bounds(situation), situation.latency
    if found is None or latency is None or found.memory_ns <= found.compute_ns:
        return None
    return Explanation(
        "memory-bound",
        "info",
        f"at the measured peaks the weights take {milliseconds(found.memory_ns)} from memory, the arithmetic "
        f"{milliseconds(found.compute_ns)}; the inference takes {milliseconds(latency.value)}",
        "memory, not arithmetic, sets the pace: the weights do not fit the last-level cache",
        "fewer bytes help (int8 or smaller weights, batches that use a weight several times), more threads do not",
    )


def far_below_the_roof(situation: Situation) -> Explanation | None:
    """Report an inference that reaches a small part of the machine's peak rates."""
    found, latency = roofline_bounds(situation), situation.latency
    if found is None or latency is None:
        return None
    share = max(found.compute_ns, found.memory_ns) / latency.value
    if share >= FAR_BELOW:
        return None
    return Explanation(
        "far-below-the-roof",
        "info",
        f"{milliseconds(latency.value)}, {percent(share)} of the rate the machine reaches in a matrix product "
        f"({milliseconds(found.compute_ns)})",
        "depthwise convolutions and element-wise operators move many bytes for little arithmetic, and small layers do "
        "not fill the processor",
        "time outside of convolutions and matrix products is what can be saved"
        + ("" if situation.profile else ": --deep shows the operators"),
    )
