"""An exception that ends a command becomes what happened, where and what to do: never 'None', never a traceback."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import subprocess
import sys
import urllib.error
import zipfile
from collections.abc import Callable
from email.message import Message
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import jinja2
import pandas as pd
import pytest
import sqlalchemy as sa

from harness import cli
from harness.cli._errors import explained
from harness.core import plugins
from harness.core.case import Case
from harness.core.errors import (
    EXIT_BUG,
    EXIT_INTERRUPTED,
    EXIT_NOTHING_MEASURED,
    EXIT_OK,
    EXIT_USAGE,
    EdgebenchError,
)
from tests import outside

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[3]


def error_tree() -> dict[str, type[EdgebenchError]]:
    """EdgebenchError and every subclass in the tree, found by what the sources declare."""
    bases: dict[tuple[str, str], list[str]] = {}
    for room in ("harness", "reports", "suites", "targets"):
        for path in (ROOT / room).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for name, parents in re.findall(r"^class (\w+)\(([\w., ]+)\):", path.read_text("utf-8"), re.MULTILINE):
                bases[module, name] = parents.replace(" ", "").split(",")
    found = {"EdgebenchError": EdgebenchError}
    while new := [key for key, parents in bases.items() if key[1] not in found and set(parents) & set(found)]:
        found |= {name: getattr(import_module(module), name) for module, name in new}
    return found


TREE = error_tree()
ARGUMENTS: dict[str, tuple[object, ...]] = {
    "UnknownName": ("suite", "quik", ["quick"]),
    "TrainingRequired": (Case("m", "distilled", "r"), "no checkpoint", []),
}


def raises(error: BaseException) -> Callable[[], NoReturn]:
    def action() -> NoReturn:
        raise error

    return action


def forever() -> None:
    forever()


def read_sql() -> object:
    return pd.read_sql("select * from nothing", sa.create_engine("sqlite://"))


# what is done -> what has to be read, and the exit code
EXCEPTIONS: dict[str, tuple[Callable[[], object], list[str], int]] = {
    "no such file": (lambda: Path("/no/such").read_text(), ["No such file or directory: /no/such", "path"], EXIT_USAGE),
    "no such file, in bytes": (
        raises(FileNotFoundError(errno.ENOENT, "gone", b"/no/such")),
        ["gone: /no/such"],
        EXIT_USAGE,
    ),
    "a rename": (lambda: Path("/no/such").rename("/no/other"), ["/no/such -> /no/other"], EXIT_USAGE),
    "file not found, no name": (
        raises(FileNotFoundError(errno.ENOENT, "gone")),
        ["gone", "check the path"],
        EXIT_USAGE,
    ),
    "file not found, bare": (raises(FileNotFoundError()), ["unexpected FileNotFoundError"], EXIT_BUG),
    "permission": (
        raises(PermissionError(errno.EACCES, "denied", "/root/x")),
        ["denied: /root/x", "ls -l"],
        EXIT_USAGE,
    ),
    "permission, no name": (raises(PermissionError(errno.EPERM, "not permitted")), ["not permitted"], EXIT_USAGE),
    "a folder": (lambda: Path("/").read_text(), ["Is a directory: /", "give a file"], EXIT_USAGE),
    "disk full": (raises(OSError(errno.ENOSPC, "no space left", "x")), ["no space left: x", "free some"], EXIT_USAGE),
    "disk full, no name": (raises(OSError(errno.ENOSPC, None)), ["No space left on device", "free some"], EXIT_USAGE),
    "too many files": (raises(OSError(errno.EMFILE, "too many open files")), ["ulimit -n"], EXIT_USAGE),
    "a file descriptor": (lambda: os.read(9999, 1), ["Bad file descriptor", "--debug"], EXIT_USAGE),
    "OSError, bare": (raises(OSError()), ["unexpected OSError\n"], EXIT_BUG),
    "OSError, text alone": (raises(OSError("cannot open it")), ["unexpected OSError: cannot open it"], EXIT_BUG),
    "a template": (
        lambda: jinja2.Environment(loader=jinja2.DictLoader({})).get_template("heat.html"),
        ["unexpected TemplateNotFound: heat.html"],
        EXIT_BUG,
    ),
    "a name in a template": (
        lambda: jinja2.Environment(undefined=jinja2.StrictUndefined).from_string("{{ x }}").render(),
        ["unexpected UndefinedError: 'x' is undefined"],
        EXIT_BUG,
    ),
    "a URL": (
        raises(urllib.error.URLError(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"))),
        ["the network: ConnectionRefusedError: [Errno 111] Connection refused", "check the address"],
        EXIT_USAGE,
    ),
    "a URL, in words": (raises(urllib.error.URLError("unknown type")), ["the network: unknown type"], EXIT_USAGE),
    "HTTP": (
        raises(urllib.error.HTTPError("http://x/y", 404, "Not Found", Message(), None)),
        ["http://x/y: HTTP 404 Not Found"],
        EXIT_USAGE,
    ),
    "a host": (raises(socket.gaierror(-2, "Name or service not known")), ["Name or service not known"], EXIT_USAGE),
    "a time-out": (raises(TimeoutError()), ["unexpected TimeoutError"], EXIT_BUG),
    "a connection": (raises(ConnectionResetError(errno.ECONNRESET, "reset")), ["reset", "network"], EXIT_USAGE),
    "another pipe": (raises(BrokenPipeError(errno.EPIPE, "Broken pipe")), ["Broken pipe", "network"], EXIT_USAGE),
    "zip": (raises(zipfile.BadZipFile("no zip file")), ["unexpected BadZipFile: no zip file"], EXIT_BUG),
    "JSON": (lambda: json.loads("{"), ["unexpected JSONDecodeError: Expecting property name"], EXIT_BUG),
    "TOML": (lambda: tomllib.loads("x ="), ["unexpected TOMLDecodeError: Invalid value"], EXIT_BUG),
    "text": (lambda: str(b"\xff", "utf-8"), ["unexpected UnicodeDecodeError: 'utf-8' codec"], EXIT_BUG),
    "SQL": (
        lambda: sa.create_engine("sqlite://").connect().exec_driver_sql("nonsense"),
        ["unexpected OperationalError", "nonsense"],
        EXIT_BUG,
    ),
    "SQL, no such place": (
        lambda: sa.create_engine("sqlite:////no/such/place").connect(),
        ["unexpected OperationalError", "unable to open database file"],
        EXIT_BUG,
    ),
    "a URL of a database": (lambda: sa.create_engine("nonsense"), ["unexpected ArgumentError"], EXIT_BUG),
    "pandas": (lambda: pd.DataFrame({"a": [1]})["b"], ["unexpected KeyError: 'b'"], EXIT_BUG),
    "pandas, empty": (lambda: pd.read_csv(os.devnull), ["unexpected EmptyDataError: No columns"], EXIT_BUG),
    "pyarrow": (lambda: pytest.importorskip("pyarrow").array([1, "a"]), ["unexpected ArrowInvalid"], EXIT_BUG),
    "memory": (raises(MemoryError()), ["out of memory", "measure less"], EXIT_USAGE),
    "recursion": (forever, ["unexpected RecursionError: maximum recursion depth exceeded"], EXIT_BUG),
    "a bug": (lambda: {}["key"], ["unexpected KeyError: 'key'", "this is a bug of edgebench"], EXIT_BUG),
    "a bug without words": (raises(ValueError()), ["unexpected ValueError\n", "--debug"], EXIT_BUG),
    "stop": (raises(StopIteration()), ["unexpected StopIteration"], EXIT_BUG),
    "an interruption": (raises(KeyboardInterrupt()), ["interrupted"], EXIT_INTERRUPTED),
}


def run(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object], *options: str) -> int:
    """`edgebench suites` with another body."""
    monkeypatch.setattr("harness.cli.suites.run", lambda arguments: action())
    return cli.main([*options, "suites"])


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("what", EXCEPTIONS)
def test_an_exception_is_told_in_words(
    what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    action, words, code = EXCEPTIONS[what]
    assert run(monkeypatch, action) == code
    said = capsys.readouterr().err
    assert said.startswith("edgebench: ")
    assert "None" not in said
    assert "Traceback" not in said
    for each in words:
        assert each in said
    if code != EXIT_INTERRUPTED:
        assert len(said.splitlines()) >= 2, "it says what to do"


@pytest.mark.parametrize("name", TREE)
def test_an_error_of_ours_is_told_in_words(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = TREE[name](*ARGUMENTS.get(name, ("it broke", "mend it")))  # type: ignore[arg-type]
    assert run(monkeypatch, raises(error)) == error.exit_code
    assert error.exit_code in (EXIT_USAGE, EXIT_NOTHING_MEASURED)
    said = capsys.readouterr().err
    assert said == f"edgebench: {error.message}\n  {error.remedy}\n"
    assert error.message
    assert "None" not in said


def test_every_class_of_errors_is_known() -> None:
    assert {"NotBuilt", "TrainingRequired", "ScenarioError", "NothingMeasured"} <= set(TREE)


def test_an_error_of_ours_without_words_is_a_bug() -> None:
    assert explained(EdgebenchError(""))[0].startswith("unexpected EdgebenchError\n")


def test_a_bug_says_where_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(monkeypatch, lambda: plugins.load("nonsense", "x"))  # type: ignore[arg-type]
    said = capsys.readouterr().err
    assert "unexpected KeyError: 'nonsense'\n  at harness.core.plugins, line " in said
    assert "this is a bug of edgebench: run again with --debug" in said


def test_a_bug_of_a_plug_in_names_its_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = "class Export:\n    name = 'odd'\n    def render(self): return {}['key']\nODD = Export()\n"
    outside.install(tmp_path, "odd-export", {"odd_export.py": code}, "[edgebench.exports]\nodd = odd_export:ODD\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins._registry.cache_clear()
    try:
        assert run(monkeypatch, lambda: plugins.load("exports", "odd").render()) == EXIT_BUG
    finally:
        plugins._registry.cache_clear()
        del sys.modules["odd_export"]
    said = capsys.readouterr().err
    assert "unexpected KeyError: 'key'\n  at odd_export, line 3, in render\n" in said
    assert "this is a bug of package odd-export 1.0" in said


@pytest.mark.parametrize("error", [ValueError("a bug"), EdgebenchError("no such run", "look"), OSError(5, "broken")])
def test_debug_shows_the_traceback_and_changes_nothing_else(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(monkeypatch, raises(error))
    plain = capsys.readouterr().err
    assert run(monkeypatch, raises(error), "--debug") == code
    debugged = capsys.readouterr().err
    assert debugged.startswith("Traceback (most recent call last):")
    assert debugged.endswith(plain)


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    """As in `edgebench suites compression | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "edgebench", "suites", "compression"]
    done = subprocess.run(command, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (EXIT_OK, "")
