"""Write docs/schema/*.json, the JSON Schemas of edgebench's documents: `python docs/make_schemas.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.core.record import SCHEMA, Record, RunHeader
from harness.store.json_schema import schema_of
from suites import suite
from targets import descriptors

FOLDER = Path(__file__).resolve().parent / "schema"
COMMAND = "python docs/make_schemas.py"


def schemas() -> Mapping[str, dict[str, Any]]:
    """Return the schemas by the names of their files."""
    return {
        "record": schema_of(Record, f"the record of a case, schema {SCHEMA}: records/*.json in a run's folder"),
        "run": schema_of(RunHeader, f"the header of a run, schema {SCHEMA}: run.json in its folder"),
        "suite": suite.schema(),
        "target": descriptors.schema(),
    }


def text(schema: Mapping[str, Any]) -> str:
    """Return the content of a file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, schema in schemas().items():
        (FOLDER / f"{name}.json").write_text(text(schema), encoding="utf-8")
