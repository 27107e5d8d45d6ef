"""No two files import each other in a circle, by the imports as they are written.

Imports within functions and under TYPE_CHECKING count too: they hide a circle from Python and not from the reader.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("edgebench", "harness", "reports", "suites", "targets")

Imports = Mapping[str, set[str]]
"""The project's modules that each of them imports."""


def read(root: Path, packages: tuple[str, ...]) -> Imports:
    """What every file below the packages imports."""
    files = {_module(file, root): file for package in packages for file in (root / package).rglob("*.py")}
    return {module: set(_imports(module, file, files)) - {module} for module, file in files.items()}


def _module(file: Path, root: Path) -> str:
    return ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _imports(module: str, file: Path, known: Mapping[str, Path]) -> Iterator[str]:
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name for alias in node.names if (name := _file_of(alias.name, known)))
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            # `from package import name`: a module of the package, or something that its __init__.py defines.
            yield from (name for alias in node.names if (name := _file_of(f"{source}.{alias.name}", known)))


def _file_of(name: str, known: Mapping[str, Path]) -> str:
    """The module that a dotted name leads to: itself, or the one that it is an attribute of; '' for a library's."""
    parent = name.rpartition(".")[0]
    return name if name in known else parent if parent in known else ""


def circle(imports: Imports) -> str:
    """A circle of imports as 'a -> b -> a', '' where there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return " -> ".join(reversed(error.args[1]))  # it names what is imported before what imports it
    return ""


def test_no_files_import_each_other_in_a_circle() -> None:
    imports = read(ROOT, PACKAGES)
    assert len(imports) > 200
    assert circle(imports) == ""


def test_plotly_is_used_in_one_file() -> None:
    """What it costs is paid where figures are written, and nowhere else."""
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    found = [
        str(file.relative_to(ROOT))
        for file in files
        if re.search(r"^\s*(import|from) plotly\b", file.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert found == ["reports/figures/plots.py"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a": "from . import b", "b": ""}, ""),
        ({"a": "from . import b", "b": "from p.a import x"}, {"p.a -> p.b -> p.a", "p.b -> p.a -> p.b"}),
        (
            {"a": "import p.b as other", "b": "def f():\n    from . import a"},
            {"p.a -> p.b -> p.a", "p.b -> p.a -> p.b"},
        ),
        (
            {"a": "from .b import y", "b": "from .c import z", "c": "if TYPE_CHECKING:\n    from .a import x"},
            {"p.a -> p.b -> p.c -> p.a", "p.b -> p.c -> p.a -> p.b", "p.c -> p.a -> p.b -> p.c"},
        ),
        ({"__init__": "from .a import x", "a": "from p import x"}, {"p -> p.a -> p", "p.a -> p -> p.a"}),
        ({"a": "import os\nfrom json import loads\nfrom . import a"}, ""),
    ],
)
def test_circles_are_found_however_they_are_written(
    tmp_path: Path, files: Mapping[str, str], expected: str | set[str]
) -> None:
    (tmp_path / "p").mkdir()
    for name, text in files.items():
        (tmp_path / "p" / f"{name}.py").write_text(text)
    found = circle(read(tmp_path, ("p",)))
    assert found in expected if isinstance(expected, set) else found == expected
