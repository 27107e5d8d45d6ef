"""Errors for users; each says what happened and what to do.

    EdgebenchError
     +- UsageError             2    the request cannot be carried out as written
     |   +- UnknownName             a name that is not registered
     |   +- ModelError              a model file that cannot be used
     |   +- DataError               a data set that cannot be used
     |   +- DescriptorError         a target or suite file that cannot be used
     |   +- RecordError             a run or record that cannot be read
     |   +- StoreError              a store that cannot be opened, read or written
     |   +- ScenarioError           parameters that a scenario lacks or does not accept
     +- SetupError             2    the installation itself is broken
     +- NothingMeasured        3    the run ended without one measured case

Exit codes of the command: 0 ok, 2 usage, 3 nothing measured, 4 some cases failed, 70 a bug of the program or of a
plug-in, 130 interrupted; of a nightly run also 1 confirmed regression, 10 inconclusive, 11 environment change,
12 device or infrastructure.
Library code raises; only `harness.cli` turns an error into an exit code.
"""

from __future__ import annotations

from collections.abc import Iterable

EXIT_OK = 0
EXIT_USAGE = 2
EXIT_NOTHING_MEASURED = 3
EXIT_SOME_FAILED = 4
EXIT_REGRESSION = 1
EXIT_INCONCLUSIVE = 10
EXIT_ENVIRONMENT = 11
EXIT_INFRASTRUCTURE = 12
EXIT_BUG = 70
"""EX_SOFTWARE of sysexits.h. Python's own 1 would read as a confirmed regression of a nightly run."""
EXIT_INTERRUPTED = 130


class EdgebenchError(Exception):
    """An error with a remedy.

    Attributes:
        message: What happened, and where.
        remedy: What the user can do about it; may be empty.
        exit_code: Exit code of the command.

    """

    exit_code = EXIT_USAGE

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class UsageError(EdgebenchError):
    """The request cannot be carried out as written."""


class UnknownName(UsageError):
    """A name that is not registered; the remedy lists the known names and the closest one."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        import difflib  # not at import: the measured process would load it

        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        super().__init__(f"unknown {kind} '{name}'", f"{hint}known: {', '.join(names) or 'none'}")


class ModelError(UsageError):
    """A model file that is missing, damaged, or of a kind no runtime here can open."""


class DataError(UsageError):
    """A data set that is missing, empty, or does not fit the model."""


class DescriptorError(UsageError):
    """A target descriptor or suite file that is not valid."""


class RecordError(UsageError):
    """A run folder or record that is missing, damaged, or written by a newer version."""


class StoreError(UsageError):
    """A store that is absent, locked, full, read-only, damaged, or written by a newer version."""


class ScenarioError(UsageError, ValueError):
    """Parameters that a scenario lacks, does not accept or cannot use.

    It is a ValueError as well, so that parsers of files report it with the key at fault.
    """


class SetupError(EdgebenchError):
    """The installation itself is broken."""


class NothingMeasured(EdgebenchError):
    """The run ended without a measured case, which is never a success."""

    exit_code = EXIT_NOTHING_MEASURED


def reason_of(error: OSError) -> str:
    """Return why the system refused; that of several files, or of a library, has no number and says it in its text."""
    return error.strerror or describe_error(error)


def describe_error(error: BaseException) -> str:
    """Return the type and the message of an exception in one line; the type alone if it has no message."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
