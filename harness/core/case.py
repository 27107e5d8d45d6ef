"""A case: one model under one compression setting on one runtime with one load."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from .errors import ScenarioError
from .printable import escape_surrogates
from .scenario import LOADGEN_SCENARIOS, Driver, Load, Scenario

Weights = Literal["trained", "synthetic", "user"]


@dataclass(frozen=True)
class Case:
    """One cell of a suite.

    Attributes:
        model: Name of the model.
        compression: Name of the compression setting.
        runtime: Name of the runtime.
        threads: Number of threads.
        batch: Samples per inference.
        scenario: MLPerf's scenario; SingleStream sends the next query when the last one is complete.
        weights: Where the weights come from.
        dataset: Data set for accuracy, None if the model has no labels.
        load: Parameters of the scenario, with its defaults filled in.
        driver: What sends the queries.
        inputs: Beginning of the hash of the user's inputs, '' where there are none. It is not part of the id: the same
            case may be measured with other inputs, and the two are not compared.

    Raises:
        ScenarioError: The load, driver or batch does not fit the scenario.

    """

    model: str
    compression: str
    runtime: str
    threads: int = 1
    batch: int = 1
    scenario: Scenario = "SingleStream"
    weights: Weights = "trained"
    dataset: str | None = None
    load: Load = field(default_factory=Load)
    driver: Driver = "own"
    inputs: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "load", self.load.with_defaults(self.scenario))
        if self.driver == "loadgen" and self.scenario not in LOADGEN_SCENARIOS:
            raise ScenarioError(f"LoadGen drives {' and '.join(LOADGEN_SCENARIOS)} here, not {self.scenario}")
        if self.batch < 1:
            raise ScenarioError(f"batch is {self.batch}, expected 1 or more")
        if (self.load.samples_per_query or self.batch) % self.batch:
            raise ScenarioError(f"queries of {self.load.samples_per_query} samples do not fill batches of {self.batch}")

    @property
    def id(self) -> str:
        """The id across runs and machines: 'mobilenet_v2-0.35-32|int8-static|onnxruntime-cpu|t1', then non-defaults."""
        parts = [self.model, self.compression, self.runtime, f"t{self.threads}"]
        if self.batch != 1:
            parts.append(f"b{self.batch}")
        if self.scenario != "SingleStream":
            parts += filter(None, (self.scenario, self.load.label(self.scenario)))
        if self.driver != "own":
            parts.append(self.driver)
        return "|".join(parts)

    @property
    def slug(self) -> str:
        """The id as a portable file name."""
        return re.sub(r"[^A-Za-z0-9._-]+", "_", escape_surrogates(self.id).replace("|", "__"))
