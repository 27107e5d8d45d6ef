"""Plug-ins: built-in ones by their folder, others by entry point; one that fails costs itself alone."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

from harness.core import plugins
from harness.core.errors import SetupError, UnknownName
from harness.core.plugins import GROUPS, Group, Kind
from tests import outside

LOADED = """
import json, sys
from harness.core import plugins
plugin = plugins.load({group!r}, {name!r})
print(json.dumps([plugin.name, [name for name in sys.modules if name.startswith({package!r})]]))
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for outside packages, on sys.path; what was found before is forgotten, and again afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins._registry.cache_clear()
    yield tmp_path
    plugins._registry.cache_clear()
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "") or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def folder(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a group's built-in plug-ins, which holds one called 'good'."""
    package = site / "built_in"
    package.mkdir()
    (package / "__init__.py").touch()
    add(package / "good.py", "good", "good-fast")
    kind = Kind("runtime", "built_in", ("name", "open"))
    monkeypatch.setitem(dict_of_groups(monkeypatch), "runtimes", kind)
    return package


def dict_of_groups(monkeypatch: pytest.MonkeyPatch) -> dict[Group, Kind]:
    groups = dict(GROUPS)
    monkeypatch.setattr(plugins, "GROUPS", groups)
    return groups


def add(file: Path, *names: str) -> None:
    made = ", ".join(f"Runtime({name!r})" for name in names)
    file.write_text(
        f"class Runtime:\n    def __init__(self, name): self.name = name\n    def open(self): ...\n\n"
        f"PLUGINS = ({made},)\nFIRST = PLUGINS[0]\n"
    )


@pytest.mark.parametrize("group", get_args(Group))
def test_every_built_in_plug_in_is_usable_and_named_once(group: Group, caplog: pytest.LogCaptureFixture) -> None:
    plugins._registry.cache_clear()
    found = plugins.load_all(group)
    assert len(found) >= (1 if group == "tasks" else 8)
    assert not caplog.records
    assert not plugins.problems()
    kind = GROUPS[group]
    names = [entry.name for entry in pkgutil.iter_modules(import_module(kind.package).__path__)]
    modules = [import_module(f"{kind.package}.{name}") for name in names]
    counted = Counter(plugin.name for module in modules for plugin in getattr(module, "PLUGINS", ()))
    assert counted == dict.fromkeys(found, 1)


@pytest.mark.parametrize(
    ("group", "name", "file", "left"),
    [
        ("compression", "int8-static-entropy", "int8_static", "pruned"),
        ("runtimes", "onnxruntime-cpu", "onnxruntime", "openvino"),
        ("sensors", "nvml", "nvml", "powercap"),
        ("models", "resnet18", "resnet18", "squeezenet"),
        ("runtimes", "keras", "tensorflow", ""),
    ],
)
def test_a_plug_in_is_loaded_alone_where_its_file_is_known(group: Group, name: str, file: str, left: str) -> None:
    package = GROUPS[group].package
    code = LOADED.format(group=group, name=name, package=package)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, modules = json.loads(done.stdout)
    assert loaded == name
    assert f"{package}.{file}" in modules
    assert f"{package}.{left}" not in modules


def test_a_name_that_is_none_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="unknown runtime 'onnxruntime-cpo'\n  did you mean 'onnxruntime-cpu'"):
        plugins.load("runtimes", "onnxruntime-cpo")


def test_a_file_added_to_the_folder_works_at_once(folder: Path) -> None:
    add(folder / "new.py", "new")
    (folder / "sub").mkdir()
    add(folder / "sub" / "__init__.py", "sub-package")
    (folder / "helper.py").write_text("NUMBER = 1\n")
    assert list(plugins.load_all("runtimes")) == ["good", "good-fast", "new", "sub-package"]
    assert plugins.reference("runtimes", "sub-package") == "built_in.sub:sub-package"


def test_a_broken_file_of_the_folder_costs_itself_alone(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "broken.py").write_text("raise SystemExit(7)\n")
    assert list(plugins.load_all("runtimes")) == ["good", "good-fast"]
    assert plugins.load_all("runtimes")["good"] is plugins.load("runtimes", "good")
    (record,) = caplog.records
    assert record.getMessage() == ("built-in plug-ins are left out: built_in.broken cannot be imported: SystemExit: 7")
    with pytest.raises(SetupError, match=r"'broken-one' was not found, and built_in\.broken cannot be imported"):
        plugins.load("runtimes", "broken-one")


POINTS = {
    "raises": ("raise RuntimeError('no licence')", "raises = mod:X", "RuntimeError: no licence"),
    "exits": ("import sys\nsys.exit('sorry')", "exits = mod:X", "SystemExit: sorry"),
    "lacks a library": ("import no_such_library", "lacks = mod:X", "No module named 'no_such_library'"),
    "is not there": ("", "gone = nowhere:X", "No module named 'nowhere'"),
    "lacks the attribute": ("", "lacks = mod:X", "has no attribute 'X'"),
    "is not Python": ("def (", "odd = mod:X", "SyntaxError"),
    "is of another kind": ("X = 3", "three = mod:X", "3 is not a runtime: it has no name, open"),
    "is a module": ("", "module = mod", "is not a runtime"),
    "is a class": (
        "class X:\n    name = 'c'\n    open = 1",
        "c = mod:X",
        "X is a class, but a runtime must be an instance",
    ),
    "has another name": (
        "class C:\n    name = 'other'\n    open = 1\nX = C()",
        "one = mod:X",
        "registered as 'one', but its name is 'other'",
    ),
    "is no reference": ("", "odd = mod: X Y Z", "'mod: X Y Z' is not 'module:attribute'"),
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("what", POINTS)
def test_a_package_that_cannot_be_used_costs_itself_alone(
    what: str, site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code, point, why = POINTS[what]
    outside.install(site, "rude", {"mod.py": f"print('hello')\n{code}\n"}, f"[edgebench.runtimes]\n{point}\n")
    name = point.partition(" ")[0]
    assert list(plugins.load_all("runtimes")) == ["good", "good-fast"]
    assert list(plugins.load_all("runtimes")) == ["good", "good-fast"]
    (record,) = caplog.records
    said = record.getMessage()
    assert said.startswith(f"the runtime '{name}' is left out: package rude 1.0 (")
    assert why in said
    assert "_Unusable" not in said
    assert plugins.problems() == [said]
    with pytest.raises(SetupError, match=rf"the runtime '{name}' cannot be used: package rude 1\.0") as caught:
        plugins.load("runtimes", name)
    assert why in caught.value.message
    assert caught.value.remedy == "repair or uninstall package rude 1.0"


@pytest.mark.usefixtures("folder")
def test_one_object_has_one_name(site: Path) -> None:
    add(site / "mod.py", "new")
    outside.install(site, "twice", {}, "[edgebench.runtimes]\nnew = mod:FIRST\nalias = mod:FIRST\n")
    assert list(plugins.load_all("runtimes")) == ["good", "good-fast", "new"]


@pytest.mark.usefixtures("folder")
def test_an_interruption_is_no_failure_of_a_plug_in(site: Path) -> None:
    outside.install(site, "slow", {"mod.py": "raise KeyboardInterrupt\n"}, "[edgebench.runtimes]\nslow = mod:X\n")
    with pytest.raises(KeyboardInterrupt):
        plugins.load_all("runtimes")


@pytest.mark.usefixtures("folder")
def test_what_a_package_prints_when_imported_is_no_output_of_ours(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside.install(site, "loud", {"mod.py": "print('hello')\n"}, "[edgebench.runtimes]\nloud = mod:X\n")
    plugins.load_all("runtimes")
    assert capsys.readouterr().out == ""


def test_a_built_in_plug_in_keeps_its_name(folder: Path, site: Path, caplog: pytest.LogCaptureFixture) -> None:
    add(site / "mod.py", "good")
    outside.install(site, "rival", {}, "[edgebench.runtimes]\ngood = mod:FIRST\n")
    assert type(plugins.load_all("runtimes")["good"]).__module__ == "built_in.good"
    assert plugins.reference("runtimes", "good") == "built_in.good:good"
    (record,) = caplog.records
    assert record.getMessage() == (
        "the runtime 'good' of package rival 1.0 (mod:FIRST) is left out: its name is taken by edgebench itself"
    )


@pytest.mark.usefixtures("folder")
def test_a_name_that_two_packages_claim_is_neithers(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("one", "two"):
        add(site / f"{name}.py", "same", f"of-{name}")
        points = f"[edgebench.runtimes]\nsame = {name}:FIRST\nof-{name} = {name}:SECOND\n"
        outside.install(site, name, {}, points)
        with (site / f"{name}.py").open("a") as file:
            file.write("SECOND = PLUGINS[1]\n")
    assert list(plugins.load_all("runtimes")) == ["good", "good-fast", "of-one", "of-two"]
    assert len(caplog.records) == 1
    with pytest.raises(SetupError, match=r"package one 1\.0 \(one:FIRST\) and package two 1\.0 \(two:FIRST\) claim"):
        plugins.load("runtimes", "same")


def test_the_entry_points_of_an_older_installation_of_ours_are_not_asked(folder: Path, site: Path) -> None:
    outside.install(site, "edgebench", {}, "[edgebench.runtimes]\ngood = gone:X\nold = gone:X\n")
    assert list(plugins.load_all("runtimes")) == ["good", "good-fast"]
    assert not plugins.problems()


@pytest.mark.usefixtures("folder")
def test_damaged_entry_points_leave_the_built_in_ones(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    outside.install(site, "damaged", {}, "[edgebench.runtimes]\nno equals sign\n")
    assert list(plugins.load_all("runtimes")) == ["good", "good-fast"]
    assert "entry points are damaged" in caplog.text
