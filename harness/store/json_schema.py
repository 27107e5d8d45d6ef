"""JSON Schemas of the documents that edgebench writes and reads, made from the dataclasses that parse them."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import ConfigDict, TypeAdapter

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(kind: type, title: str) -> dict[str, Any]:
    """Return the JSON Schema of a dataclass, with the text of its docstring's `Attributes:` as descriptions.

    Args:
        kind: A dataclass. Dataclasses that its fields hold become definitions of the schema.
        title: Title of the schema.
    """
    # A one-element tuple around the dataclass: only then does pydantic apply a configuration to plain dataclasses.
    adapter = TypeAdapter(tuple[kind], config=ConfigDict(extra="forbid"))  # type: ignore[valid-type]
    parts: dict[str, Any] = adapter.json_schema()["$defs"]
    for part in _dataclasses(kind):
        if part.__name__ in parts:
            _describe(parts[part.__name__], part)
    top = parts.pop(kind.__name__)
    return {"$schema": DIALECT, **top, "title": title, "$defs": parts}


def _describe(schema: dict[str, Any], kind: type) -> None:
    texts = attributes(kind)
    schema["description"] = (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")
    for name, described in schema.get("properties", {}).items():
        described.pop("title", None)  # the key with a capital letter
        if name in texts:
            described["description"] = texts[name]


def _dataclasses(kind: Any, seen: set[Any] | None = None) -> Iterator[type]:
    """Yield a dataclass and those that its fields hold, each once."""
    seen = set() if seen is None else seen
    if kind in seen:
        return
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        seen.add(kind)
        yield kind
        inner: Any = typing.get_type_hints(kind).values()
    else:
        inner = typing.get_args(kind)
    for each in inner:
        yield from _dataclasses(each, seen)


def attributes(kind: type) -> dict[str, str]:
    """Return the texts of a docstring's `Attributes:` by name, each on one line."""
    _, _, listed = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", listed.partition("\n\n")[0], re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
