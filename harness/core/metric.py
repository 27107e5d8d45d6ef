"""The metrics of a record: names, units, directions, and absolute bounds on them such as 'p50 <= 20 ms'."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .errors import UnknownName
from .quantity import ENERGY_J, SHARE, SIZE_BYTES, TIME_NS, Quantity, Value, quantity

Subject = Literal["time", "energy", "memory", "accuracy", "fidelity", "file", "count"]
"""What a metric tells of; `harness.core.verdict` says what a verdict leaves of each."""


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: Name of its column, which ends in the unit.
        title: Title for people.
        unit: Unit, '' for a number without one.
        better: Better direction.
        about: Sentence for the glossary.
        interval: Whether tables have columns for its interval.
        subject: What it tells of.

    """

    name: str
    title: str
    unit: str
    better: Literal["lower", "higher", "none"]
    about: str
    interval: bool = False
    subject: Subject = "time"

    def column(self, bound: Literal["lo", "hi"]) -> str:
        """Return the column of a bound of the interval; the unit stays last ('latency_p50_lo_ns')."""
        suffix = f"_{self.unit}"
        stem = self.name.removesuffix(suffix) if self.unit else self.name
        return f"{stem}_{bound}{suffix}" if stem != self.name else f"{self.name}_{bound}"


_ALL = (
    Metric("latency_p50_ns", "Latency p50", "ns", "lower",
           "Median wall time of one inference after warm-up, inputs already in place, outputs ready; in MultiStream "
           "of a query, in Server from its arrival to its answer.", True),
    Metric("latency_p90_ns", "Latency p90", "ns", "lower", "90 of 100 inferences were faster than this."),
    Metric("latency_p95_ns", "Latency p95", "ns", "lower", "95 of 100 inferences were faster than this."),
    Metric("latency_p99_ns", "Latency p99", "ns", "lower", "99 of 100 inferences were faster than this."),
    Metric("latency_p999_ns", "Latency p99.9", "ns", "lower", "999 of 1000 inferences were faster than this."),
    Metric("first_inference_ns", "First inference", "ns", "lower",
           "Wall time of the first inference after loading: lazy initialisation shows here."),
    Metric("cold_start_ns", "Cold start", "ns", "lower",
           "From starting a process to its first result: Python, library import, load, first inference."),
    Metric("load_ns", "Load", "ns", "lower", "Wall time from the model file to a session ready to run."),
    Metric("cpu_time_p50_ns", "CPU time p50", "ns", "lower",
           "Median CPU time of one inference, in MultiStream of one query: of the calling thread at 1 thread, of the "
           "process otherwise."),
    Metric("wall_per_cpu", "Wall / CPU", "", "none",
           "Median wall time over median CPU time, in Offline of all streams; above 1.05 at one thread another program "
           "held the core.", subject="count"),
    Metric("n_inferences", "Inferences", "", "none", "Timed inferences over all processes.", subject="count"),
    Metric("n_processes", "Processes", "", "none", "Fresh processes the case was measured in.", subject="count"),
    Metric("throughput_per_s", "Throughput", "per_s", "higher",
           "Samples in a second: over the sum of their wall times; in Offline, Server and paced over the time from the "
           "first to the last.", True),
    Metric("busy_share", "Busy", "", "none",
           "Share of the time in which an inference ran: the duty cycle of paced, the utilisation of Server."),
    Metric("bound_met_share", "Bound met", "", "higher",
           "Share of Server's queries answered within the latency bound.", True),
    Metric("bound_held", "Bound held", "", "higher",
           "1 when 99 of 100 queries come within the latency bound, 0 when they do not, each at 99 % confidence."),
    Metric("sustained_p50_ns", "Latency p50, sustained", "ns", "lower",
           "Median of the last minute, after as many minutes under load as the scenario sustained lasts."),
    Metric("sustained_ratio", "Slowdown, sustained", "", "lower", "Median of the last minute over that of the first."),
    Metric("energy_gross_j", "Energy, gross", "j", "lower",
           "Joules per inference, everything within the sensor's scope included.", True, subject="energy"),
    Metric("energy_net_j", "Energy, net", "j", "lower",
           "Joules per inference with the idle power before and after taken off.", True, subject="energy"),
    Metric("peak_rss_bytes", "Peak memory", "bytes", "lower",
           "Largest resident set of the measured process, runtime library included.", subject="memory"),
    Metric("arena_bytes", "Arena", "bytes", "lower",
           "The most that the runtime's own allocator held in an inference: activations and packed weights.",
           subject="memory"),
    Metric("parameters", "Parameters", "", "none",
           "Weights and biases in the model file, counted from its graph: a batch normalisation folded into them is "
           "gone. Where the runtime does not tell the graph, those of the net the file was made from.", subject="file"),
    Metric("macs", "MACs", "", "none",
           "Multiply-accumulates of one inference with a batch of 1, of convolutions and matrix products, counted from "
           "the graph.", subject="file"),
    Metric("artifact_bytes", "Model size", "bytes", "lower", "Size of the model file.", subject="file"),
    Metric("artifact_compressed_bytes", "Model size, compressed", "bytes", "lower",
           "Size of the model file deflated, as in a zip archive or an app package.", subject="file"),
    Metric("top1", "Top-1", "", "higher", "Share of images whose best class is the label; Wilson interval.", True,
           subject="accuracy"),
    Metric("top5", "Top-5", "", "higher", "Share of images whose label is among the best five classes.", True,
           subject="accuracy"),
    Metric("n_images", "Images", "", "none", "Labelled images the accuracy was taken from.", subject="count"),
    Metric("agreement", "Agreement", "", "higher",
           "Share of images whose best class equals that of the fp32 net on the same runtime.", True,
           subject="accuracy"),
    Metric("sqnr_db", "SQNR", "db", "higher",
           "Signal to quantization-noise ratio of the outputs against fp32: 10 log10(sum y^2 / sum (y - y')^2).",
           subject="accuracy"),
    Metric("mcnemar_p", "McNemar p", "", "none",
           "How likely so uneven a split of the images that only one of this net and fp32 gets right is, were both "
           "equally accurate: McNemar's exact test, two-sided.", subject="accuracy"),
    Metric("top1_difference", "Top-1 to fp32", "", "higher",
           "Top-1 less that of the fp32 net on the same images and runtime; Tango's paired interval.", True,
           subject="accuracy"),
    Metric("fidelity_sqnr_db", "Fidelity SQNR", "db", "higher",
           "As SQNR, against the fp32 net on the reference runtime (ONNX Runtime's CPU provider where it can) given "
           "the same inputs.", subject="fidelity"),
    Metric("fidelity_cosine", "Fidelity cosine", "", "higher",
           "Cosine of all outputs to those of the fp32 net on the reference runtime.", subject="fidelity"),
    Metric("fidelity_max_abs", "Fidelity max error", "", "lower",
           "Largest difference of an output to that of the fp32 net on the reference runtime.", subject="fidelity"),
    Metric("fidelity_agreement", "Fidelity agreement", "", "higher",
           "Share of probe inputs whose best class equals that of the fp32 net on the reference runtime.", True,
           subject="fidelity"),
    Metric("quality", "Quality", "", "higher",
           "How well the task is done, in the metric of the task: top-1, mAP, word error rate; its interval is that of "
           "the task.", True, subject="accuracy"),
    Metric("n_samples", "Samples", "", "none", "Labelled samples the quality was taken from.", subject="count"),
    Metric("quality_difference", "Quality to fp32", "", "higher",
           "Quality less that of the fp32 net on the same samples and runtime; paired interval.", True,
           subject="accuracy"),
    Metric("quality_p", "Quality p", "", "none",
           "How likely so large a difference to fp32 is between equally good nets, by the paired test of the task.",
           subject="accuracy"),
    Metric("pre_p50_ns", "Pre-processing p50", "ns", "lower",
           "Median time from a sample in memory to the input in its place: decoding of the file is left out.", True),
    Metric("pipeline_infer_p50_ns", "Inference p50, in the pipeline", "ns", "lower",
           "Median wall time of the inference between pre- and post-processing of real samples; latency_p50_ns is that "
           "of inferences one after the other.", True),
    Metric("post_p50_ns", "Post-processing p50", "ns", "lower",
           "Median time from the outputs to the prediction, such as boxes without duplicates; it depends on what is in "
           "the sample.", True),
    Metric("pipeline_p50_ns", "Pipeline p50", "ns", "lower",
           "Median time of a whole frame: pre-processing, inference and post-processing.", True),
    Metric("pipeline_throughput_per_s", "Pipeline throughput", "per_s", "higher",
           "Whole frames in a second, one after the other.", True),
)  # fmt: skip

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}


def metric(name: str) -> Metric:
    """Return the metric `name`; UnknownName if there is none."""
    try:
        return METRICS[name]
    except KeyError:
        raise UnknownName("metric", name, METRICS) from None


_SHORT = {
    **{f"p{p}": f"latency_p{p}_ns" for p in (50, 90, 95, 99, 999)},
    "energy": "energy_gross_j",
    "memory": "peak_rss_bytes",
    "peak memory": "peak_rss_bytes",
    "size": "artifact_bytes",
}
_UNITS = {"ns": TIME_NS, "j": ENERGY_J, "bytes": SIZE_BYTES, "": SHARE, "per_s": {"": 1.0, "/s": 1.0}}
_LIMIT = re.compile(r"\s*([\w.]+(?: [\w.]+)?)\s*(<=|>=)\s*(.+)")


def find_metric(text: str) -> Metric:
    """Return a metric by its full name, its name without the unit, or a short name ('p50'); UnknownName if none."""
    name = _SHORT.get(text, text)
    for metric in METRICS.values():
        if name in (metric.name, metric.name.removesuffix(f"_{metric.unit}")):
            return metric
    raise UnknownName("metric", text, [*_SHORT, *METRICS])


@dataclass(frozen=True)
class Limit:
    """A bound on a metric.

    Attributes:
        metric: Name of the metric.
        sign: Direction of the bound.
        value: The bound, in the unit of the metric.
        text: The limit as it was written.

    """

    metric: str
    sign: Literal["<=", ">="]
    value: float
    text: str

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Parse a limit such as 'p50 <= 20 ms'; ValueError if it is malformed."""
        match = _LIMIT.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is not a limit: write one such as 'p50 <= 20 ms' or 'top1 >= 0.88'")
        try:
            metric = find_metric(match[1])
        except UnknownName as error:
            raise ValueError(str(error)) from error
        value = quantity(match[3], _UNITS[metric.unit])
        return cls(metric.name, "<=" if match[2] == "<=" else ">=", value, " ".join(text.split()))

    def exceeded_by(self, quantity: Quantity) -> bool | None:
        """Return whether the whole interval is beyond the limit; None for part of it, or without a number."""
        if not isinstance(quantity, Value):
            return None
        sign = 1.0 if self.sign == "<=" else -1.0
        ends = [sign * (end - self.value) for end in (quantity.value, quantity.lo, quantity.hi) if end is not None]
        if all(end > 0 for end in ends):
            return True
        return None if any(end > 0 for end in ends) else False
