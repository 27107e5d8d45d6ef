"""What the operator profile tells."""

from __future__ import annotations

import re

from harness.core.quantity import Missing

from .situation import Explanation, Situation, kinds, percent, taking

_MOVEMENT = re.compile(
    r"^(Reorder(In|Out)put|Transpose|Reshape|(QLinear)?Concat|Split|Slice|Pad|Gather)$"
    r"|^(TRANSPOSE|RESHAPE|CONCATENATION|SPLIT|SLICE|STRIDED_SLICE|PADV?2?|PACK|GATHER)$"
    r"|^(Transpose|Slice|Concatenate\d?|Split\d?|Constant Pad|Copy) \("
)

OVERHEAD_MATTERS = 0.20
MOVEMENT_MATTERS = 0.10
MANY_MORE = 1.5
FALL_BACK_MATTERS = 0.02


def fallen_back(situation: Situation) -> Explanation | None:
    """Report operators that ran on another provider than the requested one."""
    profile = situation.profile
    if profile is None or not profile.fallen_back:
        return None
    elsewhere = profile.fallen_back
    share = profile.share(elsewhere)
    places = ", ".join(sorted({each.provider for each in elsewhere}))
    return Explanation(
        "fallen-back",
        "warn" if share >= FALL_BACK_MATTERS else "info",
        f"{len(elsewhere)} of {len(profile.operators)} operators ran on {places} instead of {profile.asked}, "
        f"{percent(share)} of the inference: {kinds(profile, elsewhere)}",
        f"{profile.asked} does not take these operators in this precision; around them the graph is cut in parts",
        "replace them in the net, leave them in a precision that is taken, or try another runtime",
    )


def delegate_did_not_apply(situation: Situation) -> Explanation | None:
    """Report LiteRT running without XNNPACK although it was requested."""
    told = situation.record.runtime_info
    if not situation.record.case.runtime.endswith("-xnnpack") or told.get("delegate_nodes") != 0:
        return None
    return Explanation(
        "delegate-did-not-apply",
        "warn",
        f"none of {told.get('nodes')} nodes was taken by XNNPACK ({told.get('library')} {told.get('version')})",
        "every operator runs on the library's built-in kernels, for int8 an order of magnitude slower",
        "install ai-edge-litert, whose XNNPACK takes int8; a dynamic shape can be the reason too",
    )


def runtime_overhead(situation: Situation) -> Explanation | None:
    """Report that a large part of the inference belongs to no operator."""
    profile = situation.profile
    if profile is None or profile.unexplained_ns < OVERHEAD_MATTERS * profile.inference_ns:
        return None
    return Explanation(
        "runtime-overhead",
        "info",
        f"{percent(profile.unexplained_ns / profile.inference_ns)} of the inference lies between its "
        f"{len(profile.operators)} operators (the profiler's own cost and its rounding to 1 us among it)",
        "the operators are so short that dispatching them costs as much as running them",
        "fewer, larger operators: fuse, drop shape arithmetic, or infer in batches",
    )


def less_fused(situation: Situation) -> Explanation | None:
    """Report a setting that leaves many more operators than fp32 and is slower for it."""
    profile, base, compared = situation.profile, situation.fp32, situation.against_fp32()
    if profile is None or base is None or isinstance(base.operators, Missing) or compared is None:
        return None
    own, other = len(profile.operators), len(base.operators.operators)
    if compared[0] <= 1 or own < MANY_MORE * other:
        return None
    return Explanation(
        "less-fused",
        "warn",
        f"{own} operators against {other} of fp32; {compared[1]}",
        "the conversion put operators in between which keep the runtime from fusing its neighbours",
        "convert activations and constants of a fused group alike, or convert the graph that the runtime has optimised",
    )


def data_movement(situation: Situation) -> Explanation | None:
    """Report operators that only rearrange data."""
    moving = taking(situation.profile, lambda each: _MOVEMENT.search(each.type), MOVEMENT_MATTERS, most=4)
    if moving is None:
        return None
    return Explanation(
        "data-movement",
        "warn",
        moving,
        "data are rearranged rather than computed: channel shuffles, padding, or changes between a plain layout and "
        "that of the runtime's fast kernels, around operators which those do not cover",
        "export without explicit transposes and padding; see which operators break the chain of fused convolutions",
    )


def where_the_time_goes(situation: Situation) -> Explanation | None:
    """Name the kinds of operators that take the most time."""
    profile = situation.profile
    if profile is None:
        return None
    kind, _ = next(iter(profile.by_type()))
    return Explanation(
        "where-the-time-goes",
        "info",
        f"of {len(profile.operators)} operators: {kinds(profile, profile.operators, 5)}",
        f"most of the time goes to {kind}",
    )
