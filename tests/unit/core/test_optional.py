"""Packages that an installation may lack: which extra brings each, and what is said of it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from harness.core import optional
from harness.core.errors import SetupError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=;! ]", text)[0] for text in requirements}


def test_every_extra_is_one_of_the_project_and_brings_what_is_promised() -> None:
    for extra, modules in optional.EXTRAS.items():
        assert set(modules.values()) == names(PROJECT["optional-dependencies"][extra])


def test_no_package_of_an_extra_is_installed_with_the_project_itself() -> None:
    assert not names(PROJECT["dependencies"]) & {name for each in optional.EXTRAS.values() for name in each.values()}


def test_all_of_them_are_in_one() -> None:
    (everything,) = PROJECT["optional-dependencies"]["all"]
    assert set(optional.EXTRAS) <= set(everything.removeprefix("edgebench[").removesuffix("]").split(","))


@pytest.mark.parametrize(
    ("module", "message", "extra"),
    [
        ("pandas", "history needs pandas, which is not installed", "report"),
        ("sqlalchemy.orm", "history needs sqlalchemy, which is not installed", "store"),
        ("PIL", "history needs pillow, which is not installed", "images"),
    ],
)
def test_a_missing_module_is_explained_by_its_extra(module: str, message: str, extra: str) -> None:
    found = optional.explained(ModuleNotFoundError("no", name=module), "history")
    assert found is not None
    assert (found.message, found.remedy) == (message, f"pip install 'edgebench[{extra}]'")


@pytest.mark.parametrize("error", [ModuleNotFoundError("no", name="harness.absent"), ImportError("no"), OSError("no")])
def test_any_other_error_is_not(error: Exception) -> None:
    assert optional.explained(error, "history") is None


def test_what_is_required_is_named_with_all_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    optional.require("store", "--store")
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    monkeypatch.setitem(sys.modules, "alembic", None)
    with pytest.raises(SetupError, match="--store needs sqlalchemy and alembic, which are not installed"):
        optional.require("store", "--store")
