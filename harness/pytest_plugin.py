"""pytest on the device: suites as parametrised items, measured by the harness, kept by pytest-benchmark.

Loaded into every pytest run of the environment, so it imports pytest and the standard library alone; the rest is
imported when an item asks for the fixture `edgebench_case`. Then it must be this distribution's: `edgebench` checks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .core.case import Case
    from .core.record import Record
    from .runs.pytest_session import DeviceSession, UntimedSession

FIXTURE = "edgebench_case"
SESSION = pytest.StashKey["DeviceSession | UntimedSession"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a device run."""
    group = parser.getgroup("edgebench", "edgebench: nets on this device")
    group.addoption("--target", default="auto", help="target descriptor (default: the board this machine is)")
    group.addoption("--edgebench-suite", default="quick", metavar="SUITE", help="built-in suite or .toml file")
    group.addoption("--edgebench-profile", metavar="NAME", help="smoke, quick, standard or full")
    group.addoption("--edgebench-images", type=int, metavar="N", help="score accuracy on the first N images")
    group.addoption("--edgebench-require", metavar="FILE", help="fail cases that break these requirements")
    group.addoption("--edgebench-out", metavar="DIR", help="run folder (default: runs/<time>-<suite>)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item a case of the suite; each carries the timer that will replay its samples to pytest-benchmark."""
    if FIXTURE not in metafunc.fixturenames:
        return
    if problem := _refusal(metafunc.config):
        raise pytest.Collector.CollectError(problem)
    from .core.errors import EdgebenchError
    from .runs.pytest_session import parameters

    try:
        cases = parameters(metafunc.config.getoption("--edgebench-suite"))
    except EdgebenchError as error:
        raise pytest.Collector.CollectError(f"edgebench: {error}") from None
    metafunc.parametrize(FIXTURE, cases)


def _refusal(config: pytest.Config) -> str:
    """Return why nothing can be collected here, '' where nothing is in the way."""
    from edgebench._guard import foreign_message

    if not config.pluginmanager.hasplugin("benchmark"):
        return "edgebench: pytest-benchmark is switched off\n  leave -p no:benchmark out"
    return foreign_message()


@pytest.fixture(scope="session")
def edgebench_session(request: pytest.FixtureRequest) -> Iterator[DeviceSession | UntimedSession]:
    """Return the run that all items of this session write their records into."""
    config = request.config
    disabled = config.getoption("benchmark_disable") and not config.getoption("benchmark_enable")
    chosen = [item.callspec.params[FIXTURE] for item in request.session.items if _has_case(item)]  # type: ignore[attr-defined]
    if problem := _refusal(config) or _obstacle(config, disabled, chosen):
        pytest.fail(problem, pytrace=False)
    from .runs.pytest_session import DeviceSession, UntimedSession

    with _without_traceback():
        session = (UntimedSession if disabled else DeviceSession)(config, chosen)
        session.__enter__()
    config.stash[SESSION] = session
    yield session
    session.close(interrupted=request.session.exitstatus == pytest.ExitCode.INTERRUPTED)


def _obstacle(config: pytest.Config, disabled: bool, chosen: Sequence[Case]) -> str:
    """Return why a session cannot measure, '' where nothing is in the way."""
    if not chosen:
        return f"edgebench: edgebench_measure has no case\n  let the test ask for the fixture {FIXTURE} too"
    if hasattr(config, "workerinput") and not disabled:
        return (
            "edgebench: pytest-xdist would measure cases side by side, where each slows the others down\n"
            "  leave -n out, or give -n 0"
        )
    return ""


@contextmanager
def _without_traceback() -> Iterator[None]:
    """Let an error that has a remedy fail the test with its message alone."""
    from .core.errors import EdgebenchError

    try:
        yield
    except EdgebenchError as error:
        raise pytest.fail.Exception(f"edgebench: {error}", pytrace=False) from None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Give the verdict of each test and the report, where this session has them, and the plug-ins left out of it."""
    plugins = sys.modules.get("harness.core.plugins")  # absent where no item was ours
    if plugins:
        from .core.printable import printable

        for problem in plugins.problems():
            terminalreporter.write_line(f"edgebench: {printable(problem)}", yellow=True)
    if SESSION in config.stash:
        title, *lines = config.stash[SESSION].summary()
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)


def _has_case(item: pytest.Item) -> bool:
    return FIXTURE in getattr(getattr(item, "callspec", None), "params", {})


@pytest.fixture
def edgebench_measure(
    request: pytest.FixtureRequest, edgebench_session: DeviceSession | UntimedSession, benchmark: Any
) -> Callable[[Case], Record]:
    """Measure a case and hand its samples to pytest-benchmark.

    Skips, with the reason, what this target cannot run; fails what was tried and gave no figures. With
    `--benchmark-disable` the case runs once, and its record has no figures.
    """
    timer = request.node.get_closest_marker("benchmark").kwargs["timer"]

    def measure(case: Case) -> Record:
        with _without_traceback():
            return edgebench_session.measure(case, benchmark, timer)

    return measure
