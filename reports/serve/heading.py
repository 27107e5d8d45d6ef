"""What a list of runs shows of each: a small part of its header, so that thousands of runs take little memory."""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.record import RunHeader


@dataclass(frozen=True, slots=True)
class Heading:
    """A part of a run's header.

    Attributes:
        run_id: Id of the run.
        suite: Name of the suite.
        target: Name of the target.
        unit: Id of the piece of hardware, '' if unknown.
        profile: Name of the profile.
        started_utc: Start of the run.
        ended_utc: End of the run, None before it.
        interrupted: Whether the user stopped the run.
        planned: Number of planned cases.
    """

    run_id: str
    suite: str
    target: str
    unit: str
    profile: str
    started_utc: str
    ended_utc: str | None
    interrupted: bool
    planned: int

    @classmethod
    def of(cls, header: RunHeader) -> Heading:
        """Return the heading of a header."""
        return cls(
            *(header.run_id, header.suite, header.target, header.unit, header.profile),
            *(header.started_utc, header.ended_utc, header.interrupted, len(header.planned)),
        )
