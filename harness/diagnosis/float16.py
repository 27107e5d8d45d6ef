"""What fp16 is, and is not."""

from __future__ import annotations

from .situation import Explanation, Situation, kinds

_HALF = frozenset({"float16", "F16"})


def storage_only(situation: Situation) -> Explanation | None:
    """fp16 weights that are turned into fp32 before anything is computed."""
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
