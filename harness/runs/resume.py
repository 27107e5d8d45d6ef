"""Going on with a run that was killed."""

from __future__ import annotations

from harness.core.errors import UsageError
from harness.core.record import RunHeader
from harness.store.runfolder import RunFolder

from .plan import Plan


def continued(plan: Plan, folder: RunFolder, header: RunHeader) -> tuple[Plan, RunHeader]:
    """What is left of a plan whose run was killed, and that run's header.

    UsageError when the run in the folder is another one: figures of two settings must not stand in one run.
    """
    before = folder.header()
    for name, old, new in zip(_SAME_RUN, _identity_of(before), _identity_of(header), strict=True):
        if old != new:
            raise UsageError(
                f"{folder.path} holds another run: its {name} differs", "resume with the arguments the run began with"
            )
    left = set(folder.missing())
    return plan.only(case for case in plan.cases if case.id in left), before


_SAME_RUN = ("suite", "target", "profile", "seed", "planned cases", "versions", "machine")


def _identity_of(header: RunHeader) -> tuple[object, ...]:
    """What two headers of one run share, as `_SAME_RUN` names it."""
    machine = header.host.get("machine_id")
    return header.suite, header.target, header.profile, header.seed, header.planned, dict(header.versions), machine
