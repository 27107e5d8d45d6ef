"""Descriptors from TOML: found by their file name, checked against `harness.core.target`, unknown keys refused.

Searched in this order, the first file of a name wins: folders given by the caller (`--targets DIR`), the user's own
(`~/.config/edgebench/targets`), the built-ins beside this file. A descriptor may `extends = "other"`: tables are
merged key by key, lists and values replaced; a file that extends its own name builds on the next one in the order.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import sys
import typing
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import DescriptorError, UnknownName
from harness.core.target import Target

if TYPE_CHECKING:
    from pydantic import TypeAdapter

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_DETECTED = ("name",)
"""Fields of Target that a file does not give: the name is the file's own."""


def builtin_folder() -> Path:
    """Where the descriptors that ship with edgebench lie."""
    return Path(__file__).parent


def user_folder() -> Path:
    """The user's own descriptors: `$XDG_CONFIG_HOME/edgebench/targets`, by default under ~/.config."""
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "edgebench" / "targets"


def names(folders: Sequence[Path] = ()) -> tuple[str, ...]:
    """Every descriptor's name, sorted. Composed names ('raspberry-pi-5+coral-usb') are not listed but load too."""
    return tuple(sorted({path.stem for folder in _search(folders) for path in folder.glob("*.toml")}))


def load(name: str, folders: Sequence[Path] = ()) -> Target:
    """The descriptor called `name`; 'host+accelerator' composes two. Raises UnknownName, DescriptorError."""
    host, *accelerators = name.split("+")
    target = _load_one(host, folders)
    for accelerator in accelerators:
        target = compose(target, _load_one(accelerator, folders))
    return target


def compose(host: Target, accelerator: Target) -> Target:
    """A host with an accelerator attached: the host's facts, and the accelerator's units, peaks and runtimes."""
    if accelerator.kind != "accelerator":
        raise DescriptorError(
            f"'{accelerator.name}' is no accelerator, so it cannot be composed with '{host.name}'",
            "write HOST+ACCELERATOR, such as raspberry-pi-5+coral-usb",
        )
    return dataclasses.replace(
        host,
        name=f"{host.name}+{accelerator.name}",
        title=f"{host.title} with {accelerator.title}",
        accelerators=host.accelerators + accelerator.accelerators,
        peaks=host.peaks + accelerator.peaks,
        runtimes={**host.runtimes, **accelerator.runtimes},
        thermal=dataclasses.replace(
            host.thermal,
            zones=host.thermal.zones + accelerator.thermal.zones,
            throttle=host.thermal.throttle + accelerator.thermal.throttle,
        ),
    )


def schema() -> dict[str, Any]:
    """The JSON Schema of a descriptor file, for editors."""
    document = _adapter().json_schema()
    for field in _DETECTED:
        document["properties"].pop(field)
    document["required"] = []  # a file that extends another need not repeat anything
    document["properties"]["extends"] = {"type": "string", "description": "Name of the descriptor this one builds on."}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document}


def _search(folders: Sequence[Path]) -> list[Path]:
    return [*folders, user_folder(), builtin_folder()]


def _load_one(name: str, folders: Sequence[Path]) -> Target:
    candidates = [folder / f"{name}.toml" for folder in _search(folders)]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise UnknownName("target", name, names(folders))
    document = _with_parents(path, folders, (path,))
    return _validate(path, {**document, "name": name})


def _with_parents(path: Path, folders: Sequence[Path], chain: tuple[Path, ...]) -> dict[str, Any]:
    document = _parse(path)
    parent = document.pop("extends", None)
    if parent is None:
        return document
    candidates = [folder / f"{parent}.toml" for folder in _search(folders)]
    above = next((each for each in candidates if each.is_file() and each not in chain), None)
    if above is None:
        loops = any(each in chain for each in candidates)
        why = "in a circle" if loops else "which does not exist"
        raise DescriptorError(f"{path} extends '{parent}', {why}", f"known: {', '.join(names(folders))}")
    return _merge(_with_parents(above, folders, (*chain, above)), document)


def _parse(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DescriptorError(f"{path} cannot be read as TOML: {error}") from error
    for field in _DETECTED:
        if field in document:
            raise DescriptorError(f"{path}: '{field}' is not for a descriptor", "a descriptor's name is its file name")
    return document


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


@cache
def _adapter() -> TypeAdapter[Target]:
    """Made once: it takes longer than checking all descriptors."""
    from pydantic import TypeAdapter

    return TypeAdapter(Target)


def _validate(path: Path, document: dict[str, Any]) -> Target:
    from pydantic import ValidationError

    try:
        return _adapter().validate_python(document)
    except ValidationError as error:
        problems = [_say(detail["loc"], detail["type"], detail["msg"]) for detail in error.errors()]
        raise DescriptorError(f"{path} is not a valid descriptor: {problems[0]}", "; ".join(problems[1:])) from None


def _say(location: tuple[int | str, ...], kind: str, message: str) -> str:
    where = ".".join(str(part) for part in location)
    if kind != "unexpected_keyword_argument":
        return f"{where}: {message[0].lower()}{message[1:]}"
    known = _keys_at(location[:-1])
    near = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"unknown key '{where}'" + (f", did you mean '{near[0]}'?" if near else f"; known: {', '.join(known)}")


def _keys_at(location: Iterable[int | str]) -> list[str]:
    """Field names of the dataclass that a path of keys and indices leads to."""
    kind: Any = Target
    for step in location:
        within = dataclasses.is_dataclass(kind)
        kind = typing.get_type_hints(kind)[str(step)] if within else _dataclass_in(kind)
        if type(None) in typing.get_args(kind):
            kind = _dataclass_in(kind)
    return [each.name for each in dataclasses.fields(kind)]


def _dataclass_in(annotation: Any) -> Any:
    """The dataclass inside `tuple[X, ...]`, `Mapping[str, X]` or `X | None`; None when there is none."""
    inner = typing.get_args(annotation)
    return next((each for each in inner if dataclasses.is_dataclass(each)), None)
