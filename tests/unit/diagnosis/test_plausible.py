"""Bands around published figures: narrow for the same runtime, wide for any other."""

from __future__ import annotations

import dataclasses

import pytest

from harness.diagnosis.plausibility import PublishedLatency, major, plausible_range

MS = 1_000_000
NCNN = PublishedLatency("net", "fp32", "ncnn-cpu", "", "board", 4, "mean", 20 * MS, "somewhere")
LITERT = dataclasses.replace(NCNN, runtime="litert-xnnpack", version="2.1", latency_ns=10 * MS)


def test_the_same_runtime_makes_a_narrow_band() -> None:
    found = plausible_range([NCNN, LITERT], "litert-xnnpack", "2.3.0", 4)
    assert found is not None
    assert found.same_runtime
    assert found.references == (LITERT,)
    assert found.lo_ns == pytest.approx(10 * MS / 1.3)
    assert found.hi_ns == pytest.approx(13 * MS)


@pytest.mark.parametrize(("runtime", "version"), [("onnxruntime-cpu", "1.31.1"), ("litert-xnnpack", "1.4.0")])
def test_another_runtime_or_major_version_makes_a_wide_one(runtime: str, version: str) -> None:
    found = plausible_range([NCNN, LITERT], runtime, version, 4)
    assert found is not None
    assert not found.same_runtime
    assert (found.lo_ns, found.hi_ns) == (pytest.approx(10 * MS / 3), pytest.approx(60 * MS))


def test_other_numbers_of_threads_say_nothing() -> None:
    assert plausible_range([NCNN, LITERT], "onnxruntime-cpu", "1.31", 1) is None
    unknown = dataclasses.replace(NCNN, threads=None)
    found = plausible_range([unknown, LITERT], "onnxruntime-cpu", "1.31", 1)
    assert found is not None
    assert found.references == (unknown,)


def test_an_edge_tpu_says_nothing_of_its_host() -> None:
    coral = dataclasses.replace(NCNN, runtime="edgetpu", threads=None, latency_ns=2 * MS)
    for runtime, reference in (("edgetpu", coral), ("onnxruntime-cpu", NCNN)):
        found = plausible_range([NCNN, coral], runtime, "", 4)
        assert found is not None
        assert found.references == (reference,)


def test_no_reference_no_band() -> None:
    assert plausible_range([], "onnxruntime-cpu", "1.31", 1) is None


@pytest.mark.parametrize(("version", "first"), [("2.3.0", "2"), ("19.08", "19"), ("", "")])
def test_the_major_version_is_the_first_number(version: str, first: str) -> None:
    assert major(version) == first
