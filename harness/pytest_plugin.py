"""pytest on the device: suites as parametrised items, measured by the harness, kept by pytest-benchmark.

Loaded into every pytest run of the environment, so it imports pytest and the standard library alone; the rest is
imported when an item asks for the fixture `edgebench_case`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .core.case import Case
    from .core.record import Record
    from .runs.pytest_session import DeviceSession

FIXTURE = "edgebench_case"
REPORT = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a device run."""
    group = parser.getgroup("edgebench", "edgebench: nets on this device")
    group.addoption("--target", default="auto", help="target descriptor (default: the board this machine is)")
    group.addoption("--edgebench-suite", default="quick", metavar="SUITE", help="built-in suite or .toml file")
    group.addoption("--edgebench-profile", metavar="NAME", help="smoke, quick, standard or full")
    group.addoption("--edgebench-images", type=int, metavar="N", help="score accuracy on the first N images")
    group.addoption("--edgebench-out", metavar="DIR", help="run folder (default: runs/<time>-<suite>)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item a case of the suite; each carries the timer that will replay its samples to pytest-benchmark."""
    if FIXTURE not in metafunc.fixturenames:
        return
    from .runs.pytest_session import parameters

    metafunc.parametrize(FIXTURE, parameters(metafunc.config.getoption("--edgebench-suite")))


@pytest.fixture(scope="session")
def edgebench_session(request: pytest.FixtureRequest) -> Iterator[DeviceSession]:
    """Return the run that all items of this session write their records into."""
    from .runs.pytest_session import DeviceSession

    chosen = [item.callspec.params[FIXTURE] for item in request.session.items if _has_case(item)]  # type: ignore[attr-defined]
    with DeviceSession(request.config, chosen) as session:
        yield session
    request.config.stash[REPORT] = str(session.report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the report, where this session wrote one, and the plug-ins that were left out of it."""
    plugins = sys.modules.get("harness.core.plugins")  # absent where no item was ours
    for problem in plugins.problems() if plugins else ():
        terminalreporter.write_line(f"edgebench: {problem}", yellow=True)
    if REPORT in config.stash:
        terminalreporter.write_line(f"edgebench report: {config.stash[REPORT]}")


def _has_case(item: pytest.Item) -> bool:
    return FIXTURE in getattr(getattr(item, "callspec", None), "params", {})


@pytest.fixture
def edgebench_measure(
    request: pytest.FixtureRequest, edgebench_session: DeviceSession, benchmark: Any
) -> Callable[[Case], Record]:
    """Measure a case and hand its samples to pytest-benchmark.

    Skips, with the reason, what this target cannot run; fails what was tried and gave no figures.
    """
    timer = request.node.get_closest_marker("benchmark").kwargs["timer"]
    return lambda case: edgebench_session.measure(case, benchmark, timer)
