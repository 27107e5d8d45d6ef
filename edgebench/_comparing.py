"""`compare` two runs, and `ab`, which compares two models by measuring them in turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

from ._keywords import named, parsed
from ._options import AbOptions
from ._results import Results, read

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Unpack

    from harness.stats.comparison import Comparison


@named()
def compare(a: Results | str | PathLike[str], b: Results | str | PathLike[str], *, force: bool = False) -> pd.DataFrame:
    """Compare two runs case by case, as `edgebench compare` does.

    Args:
        a: The first run: results, or a run folder.
        b: The second run; its figures are the numerators: at a ratio of 1.05 it takes 5 % longer.
        force: Whether to compare runs of different machines or settings; the column `unlike` then says what differs.

    Returns:
        One row per case that both have, with the columns of `edgebench compare --format csv`.

    Raises:
        UsageError: The runs have no case in common, or must not be compared.

    Example:
        >>> import edgebench as eb
        >>> set(eb.compare("runs/first", "runs/second").change) <= {"faster", "slower", "same", "undecided"}
        True
    """
    from harness.store.comparison import compare_runs
    from harness.store.runfolder import RunFolder

    first, second = (RunFolder((run if isinstance(run, Results) else read(run)).path) for run in (a, b))
    return compare_runs(first, second, force=force)


@dataclass(frozen=True)
class AbResult:
    """The outcome of `ab`.

    Attributes:
        sentence: The outcome in words, with the ratio and its interval.
        warnings: What speaks against trusting it.
        comparison: The latency ratio of B over A with its interval, and the verdict: 'faster', 'slower', 'same' or
            'undecided'.
        document: All of it with the raw medians, as `edgebench ab --json` prints it.
    """

    sentence: str
    warnings: tuple[str, ...] = field(repr=False)
    comparison: Comparison = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)

    @property
    def verdict(self) -> str:
        """The verdict on B: 'faster', 'slower', 'same' or 'undecided'."""
        return self.comparison.verdict


@named(AbOptions)
def ab(
    a: str | PathLike[str], b: str | PathLike[str], *, progress: bool | None = None, **options: Unpack[AbOptions]
) -> AbResult:
    """Compare two models in randomised pairs of processes until the result is decided, as `edgebench ab` does.

    Args:
        a: Model file, or a shipped model as 'MODEL|COMPRESSION|RUNTIME'.
        b: The model to compare with A.
        progress: Whether to count pairs on standard error; None does so on a terminal.
        **options: The options of `edgebench ab` with underscores.

    Raises:
        NothingMeasured: A model gave no figures.
        UsageError: The request cannot be carried out as written.

    Example:
        >>> import edgebench as eb
        >>> eb.ab("a.onnx", "b.onnx", max_pairs=1)
        Traceback (most recent call last):
            ...
        harness.core.errors.UsageError: 1 pair cannot give an interval
          give 2 or more; 6 or more can tell faster from slower
    """
    from harness.cli import ab as command
    from harness.core.errors import NothingMeasured

    from ._progress import notifier, wanted

    arguments = parsed(command, [a, b], options)
    session = command.session_of(arguments, notifier(progress))
    interrupted = command.measured(session, show=wanted(progress))
    sentence, *warnings = session.words
    command.save(session, interrupted, arguments)
    if interrupted:
        raise KeyboardInterrupt(sentence)
    if session.measured.failure is not None or session.measured.comparison is None:
        raise NothingMeasured(sentence, "measure the model alone to see why: edgebench run --model FILE")
    return AbResult(sentence, tuple(warnings), session.measured.comparison, session.document())
