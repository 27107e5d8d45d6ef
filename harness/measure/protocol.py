"""The order the parent gives a worker process, as JSON, and the answer it gets."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.core.scenario import Driver, Load, Scenario
from harness.runtimes.base import Options

if TYPE_CHECKING:  # accuracy alone needs it: the timed child does without
    from harness.core.artifact import Preprocess, ScoredOutput
    from harness.core.task import Interface

Phase = Literal["inspect", "latency", "accuracy", "profile", "probe", "stamps", "denormals", "pipeline"]
PHASES = ("import", "load", "first", "steady")
"""What a latency process goes through; its result says of each when it ended and the peak memory up to then."""


AFTER_LOOP = 2
"""Times a quarter of the loop's inferences follow it: with one input, and with inputs that were never seen."""
_SLACK = 1.3
"""A time limit is to be above what is needed by this."""


@dataclass(frozen=True)
class Loop:
    """How long the loop runs: at least `n` and at least `ns`, whichever is later, never more than `max_n`."""

    warmup_n: int
    warmup_ns: int
    min_n: int
    min_ns: int
    max_n: int = 1_000_000


@dataclass(frozen=True)
class LabelledData:
    """Labelled samples for a worker.

    Attributes:
        kind: How they are opened, as the task's `open` takes it.
        path: The folder or file they are in.
        preprocess: How a sample becomes an input.
        limit: The most samples to score; None means all.
        figure: What the quality on them is called.
        output: The output to score; None means the only one, or the first.
        task: What the model is to do, as 'module:name' as `harness.core.plugins.reference` gives it; ''
            is classification.
        decode: Name of the convention of the outputs; '' where the task is to recognise it.
    """

    kind: str
    path: str
    preprocess: Preprocess
    limit: int | None = None
    figure: str = "top-1"
    output: ScoredOutput | None = None
    task: str = ""
    decode: str = ""

    @property
    def interface(self) -> Interface:
        """How the model takes the samples and gives predictions."""
        from harness.core.task import Interface

        return Interface(self.preprocess, self.output, self.decode)


@dataclass(frozen=True)
class StoppingRule:
    """When an accuracy pass ends early: once its difference to fp32 is decided, within a margin or not.

    Attributes:
        reference: An .npz with the outcomes of fp32 and what is right, as `harness.measure.outcomes` writes it.
        margin: The margin, in the unit of the quality.
        words: The margin in words: '1 point'.
        seed: Of the order of the samples.
    """

    reference: str
    margin: float
    words: str
    seed: int = 0


@dataclass(frozen=True)
class Interpreter:
    """Another Python than this one: its `executable`, and the folder for PYTHONPATH that our packages stand in."""

    executable: str
    packages: str


@dataclass(frozen=True)
class Job:
    """One worker's work.

    Attributes:
        runtime: The adapter, as 'module:name' as `harness.core.plugins.reference` gives it.
        out: The folder for `result.json` and `arrays.npz`.
        feeds: An .npy with one preprocessed image per row, for the timed loop; None without images.
        spawned_ns: The parent's monotonic clock at the spawn.
        deadline_ns: When the parent stops it, on the same clock; 0 for never.
        affinity: The CPUs to run on; empty for the system's choice.
        memory_bytes: What the process may hold, resident and swapped, before the parent stops it; None for no limit.
        interpreter: The Python that runs it; None for the running one.
        keep_outputs: The folder that a probe of the reference keeps its outputs in; None for other probes.
        reference_outputs: The folder with the reference's outputs, which a probe compares with; None without.
        inputs: The user's .npz or .npy of inputs, for every phase but accuracy; None without one. It comes before
            `feeds` and images.
    """

    phase: Phase
    runtime: str
    model: str
    out: str
    options: Options = field(default_factory=Options)
    loop: Loop | None = None
    feeds: str | None = None
    labelled: LabelledData | None = None
    stop: StoppingRule | None = None
    seed: int = 0
    spawned_ns: int = 0
    deadline_ns: int = 0
    affinity: tuple[int, ...] = ()
    memory_bytes: int | None = None
    interpreter: Interpreter | None = None
    scenario: Scenario = "SingleStream"
    load: Load = field(default_factory=Load)
    driver: Driver = "own"
    keep_outputs: str | None = None
    reference_outputs: str | None = None
    inputs: str | None = None

    @property
    def own_time_s(self) -> float:
        """Seconds it takes by its scenario's own clock, however fast the machine is; 0 where there is none."""
        if self.loop is None or (self.load.rate_per_s is None and self.load.minutes is None):
            return 0.0
        return max(self.loop.min_ns / 1e9, self.loop.min_n / (self.load.rate_per_s or math.inf))

    @property
    def query(self) -> int:
        """Inferences of a query."""
        return (self.load.samples_per_query or 1) // self.options.batch or 1

    def needed_s(self, start_s: float, once_s: float, fewest: bool = False) -> int:
        """Return the time limit, in whole tens of seconds, for a worker whose inference takes `once_s`.

        Args:
            start_s: What comes before the first inference.
            once_s: One inference.
            fewest: Whether one sample is enough; else those that the loop asks for.
        """
        inferences = 2 + self.query
        if self.loop and not fewest:
            least = self.loop.min_n
            inferences = 1 + self.loop.warmup_n + self.query * least + AFTER_LOOP * (least // 4 + 4)
        return 10 * math.ceil(_SLACK * (start_s + inferences * once_s) / 10)

    def write(self, path: Path) -> None:
        """Save as JSON."""
        path.write_text(json.dumps(dataclasses.asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Job:
        """Load what `write` saved."""
        data = json.loads(path.read_text(encoding="utf-8"))
        options = data.pop("options")
        for key in ("shapes", "given"):
            options[key] = {name: tuple(shape) for name, shape in options[key].items()}
        loop, labelled, _ = data.pop("loop"), data.pop("labelled"), data.pop("interpreter")
        stop = data.pop("stop")
        return cls(
            **{**data, "affinity": tuple(data["affinity"]), "load": Load(**data["load"])},
            options=Options(**options),
            loop=Loop(**loop) if loop else None,
            labelled=_labelled(labelled) if labelled else None,
            stop=StoppingRule(**stop) if stop else None,
        )


def _labelled(data: Mapping[str, Any]) -> LabelledData:
    from harness.core.artifact import Preprocess, ScoredOutput

    given = data["output"]
    output = ScoredOutput(given["name"], given["size"], tuple(given["classes"])) if given else None
    return LabelledData(**{**data, "preprocess": Preprocess.from_json(data["preprocess"]), "output": output})
