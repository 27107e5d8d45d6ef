"""Board descriptors in TOML, found by file name and checked against `harness.core.target`; unknown keys are errors.

The first file of a name wins, in this order: folders given by the caller (`--targets DIR`), the user's folder
(`~/.config/edgebench/targets`), the built-in descriptors beside this file. A descriptor may `extends = "other"`: tables
are merged key by key, lists and values are replaced. A file that extends its own name builds on the next one in the
order.
"""

from __future__ import annotations

import dataclasses
import difflib
import sys
import typing
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import DescriptorError, UnknownName
from harness.core.files import NoHome, base_folder
from harness.core.target import Target

if TYPE_CHECKING:
    from pydantic import TypeAdapter

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_DERIVED_FIELDS = ("name",)
"""Fields of Target that a file must not contain: the name of a descriptor is its file name."""


def builtin_folder() -> Path:
    """Return the folder of the built-in descriptors."""
    return Path(__file__).parent


def user_folder() -> Path:
    """Return the user's folder: `$XDG_CONFIG_HOME/edgebench/targets`, by default under ~/.config."""
    return base_folder("XDG_CONFIG_HOME", ".config") / "edgebench" / "targets"


def names(folders: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return the sorted names of all descriptors; composed names ('raspberry-pi-5+coral-usb') load too."""
    return tuple(sorted({path.stem for folder in _search(folders) for path in folder.glob("*.toml")}))


def load(name: str, folders: Sequence[Path] = ()) -> Target:
    """Load a descriptor.

    Args:
        name: Its name; 'host+accelerator' composes two.
        folders: Folders to search before the user's.

    Raises:
        UnknownName: There is no descriptor of that name.
        DescriptorError: The file is no valid descriptor, or what is composed is no accelerator.
    """
    host, *accelerators = name.split("+")
    target = _load_one(host, folders)
    for accelerator in accelerators:
        target = compose(target, _load_one(accelerator, folders))
    return target


def compose(host: Target, accelerator: Target) -> Target:
    """Return a host with an accelerator attached: the host's facts, and the accelerator's units, peaks and runtimes.

    Raises:
        DescriptorError: The second descriptor is no accelerator.
    """
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
    """Return the JSON Schema of a descriptor file, for editors."""
    from harness.store.json_schema import schema_of

    document = schema_of(Target, "a descriptor of edgebench")
    for field in _DERIVED_FIELDS:
        document["properties"].pop(field)
    document["required"] = []  # a file that extends another need not repeat its fields
    document["properties"]["extends"] = {"type": "string", "description": "Name of the descriptor this one builds on."}
    return document


def _search(folders: Sequence[Path]) -> list[Path]:
    try:
        own = [user_folder()]
    except NoHome:
        own = []
    return [*folders, *own, builtin_folder()]


def _load_one(name: str, folders: Sequence[Path]) -> Target:
    candidates = [folder / f"{name}.toml" for folder in _search(folders)]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise UnknownName("target", name, names(folders))
    document = _with_parents(path, folders, (path,))
    return _validate(path, {**document, "name": name})


def _with_parents(path: Path, folders: Sequence[Path], chain: tuple[Path, ...]) -> dict[str, Any]:
    """Return the document merged over those that it extends; `chain` holds the files that lead to it."""
    document = _parse(path)
    parent = document.pop("extends", None)
    if parent is None:
        return document
    candidates = [folder / f"{parent}.toml" for folder in _search(folders)]
    base = next((candidate for candidate in candidates if candidate.is_file() and candidate not in chain), None)
    if base is None:
        circular = any(candidate in chain for candidate in candidates)
        why = "in a circle" if circular else "which does not exist"
        raise DescriptorError(f"{path} extends '{parent}', {why}", f"known: {', '.join(names(folders))}")
    return _merge(_with_parents(base, folders, (*chain, base)), document)


def _parse(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DescriptorError(f"{path} cannot be read as TOML: {error}") from error
    for field in _DERIVED_FIELDS:
        if field in document:
            raise DescriptorError(f"{path}: '{field}' must not be given", "a descriptor's name is its file name")
    return document


def _merge(base: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in document.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


@cache
def _adapter() -> TypeAdapter[Target]:
    """Return the validator of descriptors, built once: that takes longer than checking all descriptors."""
    from pydantic import TypeAdapter

    return TypeAdapter(Target)


def _validate(path: Path, document: dict[str, Any]) -> Target:
    from pydantic import ValidationError

    try:
        return _adapter().validate_python(document)
    except ValidationError as error:
        problems = [_problem(detail["loc"], detail["type"], detail["msg"]) for detail in error.errors()]
        raise DescriptorError(f"{path} is not a valid descriptor: {problems[0]}", "; ".join(problems[1:])) from None


def _problem(location: tuple[int | str, ...], kind: str, message: str) -> str:
    """Return a validation error of pydantic as text, with the closest key for an unknown one."""
    key = ".".join(str(step) for step in location)
    if kind != "unexpected_keyword_argument":
        return f"{key}: {message[0].lower()}{message[1:]}"
    known = _keys_at(location[:-1])
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"unknown key '{key}'" + (f", did you mean '{close[0]}'?" if close else f"; known: {', '.join(known)}")


def _keys_at(location: Iterable[int | str]) -> list[str]:
    """Return the field names of the dataclass that a path of keys and indices leads to."""
    kind: Any = Target
    for step in location:
        in_dataclass = dataclasses.is_dataclass(kind)
        kind = typing.get_type_hints(kind)[str(step)] if in_dataclass else _dataclass_in(kind)
        if type(None) in typing.get_args(kind):
            kind = _dataclass_in(kind)
    return [field.name for field in dataclasses.fields(kind)]


def _dataclass_in(annotation: Any) -> Any:
    """Return the dataclass inside `tuple[X, ...]`, `Mapping[str, X]` or `X | None`; None without one."""
    return next((inner for inner in typing.get_args(annotation) if dataclasses.is_dataclass(inner)), None)
