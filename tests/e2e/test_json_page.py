"""What docs/json.md says of the keys that commands print, and of the schemas."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

from tests import factory
from tests.e2e.conftest import Edgebench

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
PARTS = dict(re.findall(r"^### edgebench (.*)\n\n((?:(?!^###).*\n)*)", PAGE, re.MULTILINE))
TABLES = {
    command: keys for command, part in PARTS.items() if (keys := re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE))
}
TRACE = "time_s,current_a,D1\n" + "".join(f"{i / 1000},{0.4},{int(100 < i < 900)}\n" for i in range(1000))


@pytest.mark.parametrize("command", TABLES)
def test_a_command_prints_the_keys_of_the_page(command: str, edgebench: Edgebench, tmp_path: Path) -> None:
    factory.write_run(tmp_path / "RUN", factory.nets())
    (tmp_path / "TRACE").write_text(TRACE)
    words = shlex.split(command)
    done = edgebench(*words, *(("--volts", "5", "--inferences", "10") if words[0] == "meter" else ()))
    assert done.stdout, done.stderr
    document = json.loads(done.stdout)
    entries = document if isinstance(document, list) else [document]
    assert entries
    for entry in entries:
        assert set(entry) == set(TABLES[command])


def test_every_command_with_json_is_on_the_page() -> None:
    listed = re.findall(r"^### edgebench (\S+)", (ROOT / "docs" / "cli.md").read_text("utf-8"), re.MULTILINE)
    parts = re.split(r"^### edgebench (\S+)$", (ROOT / "docs" / "cli.md").read_text("utf-8"), flags=re.MULTILINE)
    assert listed
    for name, part in zip(parts[1::2], parts[2::2], strict=True):
        if "`--json`" in part:
            assert re.search(rf"\b{name}\b", PAGE), name


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_schemas", ROOT / "docs" / "make_schemas.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_schemas_are_up_to_date(make: ModuleType) -> None:
    for name, schema in make.schemas().items():
        assert (make.FOLDER / f"{name}.json").read_text("utf-8") == make.text(schema), f"renew it: {make.COMMAND}"
        assert f"(schema/{name}.json)" in PAGE


def test_documents_of_every_version_satisfy_the_schemas(make: ModuleType, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    factory.write_run(tmp_path / "new", factory.nets())
    schemas = {name: jsonschema.Draft202012Validator(schema) for name, schema in make.schemas().items()}
    folders = [file.parent for root in (ROOT / "tests" / "golden", tmp_path) for file in root.rglob("run.json")]
    assert len(folders) > 3
    for folder in folders:
        schemas["run"].validate(json.loads((folder / "run.json").read_text("utf-8")))
        for file in (folder / "records").glob("*.json"):
            record = json.loads(file.read_text("utf-8"))
            schemas["record"].validate(record)
            with pytest.raises(jsonschema.ValidationError):
                schemas["record"].validate({**record, "latency": 1})
            with pytest.raises(jsonschema.ValidationError):
                schemas["record"].validate({**record, "duration_s": "long"})


def test_every_key_of_a_document_has_a_description(make: ModuleType) -> None:
    """They are the docstrings' lists: a key that is missing there is missing in an editor too."""
    for name, schema in make.schemas().items():
        for part in (schema, *schema["$defs"].values()):
            for key, described in part.get("properties", {}).items():
                assert described.get("description"), f"{name}: {part.get('title')}: {key}"
