"""`import edgebench` is quick, refuses what is not ours, exports what it says, and tells type checkers."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import edgebench
from edgebench import plugin
from harness.core import errors
from tests.unit.test_shown_code import DOCS, shown_imports

ROOT = Path(__file__).parents[3]
PAGES = sorted(DOCS.glob("add-a*.md"))


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder."""
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", ["edgebench", "edgebench.plugin"])
def test_the_import_loads_none_of_our_packages_and_no_library(module: str) -> None:
    heavy = ("harness", "reports", "suites", "targets", "numpy", "pandas", "argparse", "importlib.metadata")
    done = python(f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])", ROOT)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_an_adapters_names_do_not_load_the_reports_libraries() -> None:
    code = (
        "import sys\nfrom edgebench.plugin import Adapter, Capability, Session, explain_error\n"
        "heavy = ('pandas', 'jinja2', 'plotly', 'pydantic', 'reports', 'suites')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = python(code, ROOT)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_every_name_of_the_api_exists_and_no_other() -> None:
    assert set(edgebench.__all__) <= set(dir(edgebench))
    for name in edgebench.__all__:
        assert getattr(edgebench, name) is not None
    assert edgebench.__version__ == version("edgebench")
    with pytest.raises(AttributeError, match="has no attribute 'bench'"):
        _ = edgebench.bench  # type: ignore[attr-defined]


def test_every_error_with_a_remedy_is_exported() -> None:
    kinds = inspect.getmembers(errors, lambda each: inspect.isclass(each) and issubclass(each, errors.EdgebenchError))
    assert {name for name, _ in kinds} == {name for name in edgebench.__all__ if hasattr(errors, name)}


@pytest.mark.parametrize("module", [edgebench, plugin], ids=["edgebench", "plugin"])
def test_type_checkers_see_the_names_that_the_table_has(module: object) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))  # type: ignore[attr-defined]
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    declared = {alias.asname: node.module for node in imports for alias in node.names}
    assert declared == module._MODULES  # type: ignore[attr-defined]


def test_a_name_of_the_plugin_module_that_does_not_exist_is_an_attribute_error() -> None:
    assert set(plugin.__all__) == set(dir(plugin))
    with pytest.raises(AttributeError, match="no attribute 'Adaptor'"):
        _ = plugin.Adaptor  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_pages_for_extensions_import_the_stable_module_alone(page: Path) -> None:
    assert {module for module, _ in shown_imports(page)} <= {"edgebench.plugin"}


def test_most_pages_for_extensions_import_something() -> None:
    assert sum(bool(shown_imports(page)) for page in PAGES) >= 7


@pytest.mark.parametrize("name", ["harness", "reports", "suites", "targets"])
def test_a_foreign_package_is_refused_with_the_commands_message(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    command = [sys.executable, "-m", "edgebench", "--version"]
    message = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stderr.strip()
    assert f"package '{name}' comes from {tmp_path}" in message
    for use in ("edgebench.read('.')", "edgebench.EdgebenchError", "edgebench.plugin.Finding", "edgebench.targets()"):
        done = python(f"import edgebench.plugin\ntry: {use}\nexcept ImportError as error: print(error)", tmp_path)
        assert (done.stdout.strip(), done.stderr) == (message, "")


def test_our_packages_say_that_they_are_typed() -> None:
    for name in ("edgebench", "harness", "reports", "suites", "targets"):
        assert (ROOT / name / "py.typed").is_file()
