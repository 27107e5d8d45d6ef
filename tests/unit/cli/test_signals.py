"""SIGTERM and SIGHUP are an interrupt with an exit code of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from harness import cli
from harness.cli._signals import EndingSignals, Terminated


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> dict[int, Any]:
    """The handlers that are set, in place of those of this process."""
    held: dict[int, Any] = {signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}

    def replace(number: int, handler: Any) -> Any:
        before, held[number] = held[number], handler
        return before

    monkeypatch.setattr(signal, "signal", replace)
    monkeypatch.setattr(signal, "getsignal", held.get)
    return held


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_interrupts_once_and_has_its_exit_code(handlers: dict[int, Any], number: int, code: int) -> None:
    with EndingSignals() as signals:
        with pytest.raises(KeyboardInterrupt, match=signal.Signals(number).name):
            handlers[number](number, None)
        handlers[number](number, None)  # while it cleans up
        assert signals.exit_code(130) == code
        assert signals.exit_code(4) == 4, "it came when the command had ended already"
    assert handlers[number] is signal.SIG_DFL


def test_without_a_signal_an_interrupt_is_ctrl_c(handlers: dict[int, Any]) -> None:
    with EndingSignals() as signals:
        assert signals.exit_code(130) == 130


def test_what_nohup_ignores_stays_ignored(handlers: dict[int, Any]) -> None:
    handlers[signal.SIGHUP] = signal.SIG_IGN
    with EndingSignals():
        assert handlers[signal.SIGHUP] is signal.SIG_IGN
    assert handlers[signal.SIGHUP] is signal.SIG_IGN


def test_another_thread_changes_nothing(handlers: dict[int, Any]) -> None:
    seen: list[Any] = []

    def enter() -> None:
        with EndingSignals():
            seen.extend(handlers.values())

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL, signal.SIG_DFL]


def test_a_command_that_is_ended_says_by_what(
    handlers: dict[int, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ended(_arguments: Any) -> int:
        handlers[signal.SIGTERM](signal.SIGTERM, None)
        raise AssertionError

    modules = cli.commands()
    stub = SimpleNamespace(HELP="x", GROUP="look", EXAMPLE="x", add_arguments=lambda _: None, run=ended)
    monkeypatch.setattr(cli, "commands", lambda: {**modules, "suites": stub})
    assert cli.main(["suites"]) == 143
    assert capsys.readouterr().err == "edgebench: ended by SIGTERM\n"
    assert issubclass(Terminated, KeyboardInterrupt)


def test_a_terminal_that_hung_up_is_no_error() -> None:
    program = """
import os, pty, signal, sys
from harness.cli._signals import EndingSignals, Terminated
main, terminal = pty.openpty()
os.dup2(terminal, 1); os.close(terminal)
with EndingSignals() as signals:
    os.close(main)
    try:
        signal.raise_signal(signal.SIGHUP)
    except Terminated:
        print("the report is in run/report.html", flush=True)
        sys.exit(signals.exit_code(130))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (129, "")
