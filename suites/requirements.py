"""Requirements: bounds that models must keep on their boards, as TOML, for `edgebench check`, `run` and pytest."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import DescriptorError, UnknownName
from harness.core.metric import Limit
from harness.core.record import Record

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_EXAMPLE = '[[requirement]] with limits = ["p50 <= 20 ms"]; docs/requirements.md has the keys'


@dataclass(frozen=True)
class Requirement:
    """One `[[requirement]]` table: bounds on the cases that it selects, by default all.

    Attributes:
        limits: Bounds such as 'p50 <= 20 ms' or 'top1 >= 0.88'.
        model: Name of the models, or a pattern with * and ?.
        target: Name of the boards, or a pattern.
        scenario: Name of the scenario.
        match: Text that the ids of the cases contain, such as 'int8'.

    Raises:
        ValueError: A limit cannot be parsed, or there is none.
    """

    limits: tuple[str, ...]
    model: str = "*"
    target: str = "*"
    scenario: str = "*"
    match: str = ""

    def __post_init__(self) -> None:
        if not self.limits:
            raise ValueError("limits is empty: give bounds such as 'p50 <= 20 ms'")
        for text in self.limits:
            Limit.parse(text)

    @property
    def bounds(self) -> list[Limit]:
        """The limits, parsed."""
        return [Limit.parse(text) for text in self.limits]

    @property
    def cases(self) -> str:
        """What is selected, in words: 'model mobilenet*, int8'; 'all cases' for everything."""
        named = [f"{name} {text}" for name in ("model", "target", "scenario") if (text := getattr(self, name)) != "*"]
        return ", ".join([*named, *([f"'{self.match}'"] if self.match else [])]) or "all cases"

    def selects(self, record: Record) -> bool:
        """Return whether the bounds hold for this case."""
        case = record.case
        texts = ((case.model, self.model), (record.target, self.target), (case.scenario, self.scenario))
        return self.match in record.case_id and all(fnmatchcase(text, pattern) for text, pattern in texts)


@dataclass(frozen=True)
class Requirements:
    """A file of requirements.

    Attributes:
        requirement: Its tables, in order.
    """

    requirement: tuple[Requirement, ...] = ()


def load(path: Path) -> tuple[Requirement, ...]:
    """Read a file of requirements.

    Raises:
        DescriptorError: It cannot be read, is not valid, or requires nothing.
    """
    from pydantic import ValidationError

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # TOML that is not valid is a ValueError too
        why = getattr(error, "strerror", None) or error
        raise DescriptorError(f"{path}: {why}", f"a file of requirements has tables {_EXAMPLE}") from None
    try:
        found = _adapter().validate_python((document,))[0].requirement
    except ValidationError as error:
        raise _invalid(path, error.errors(include_url=False)[0]) from None
    if not found:
        raise DescriptorError(f"{path} requires nothing", f"write tables {_EXAMPLE}")
    return found


@cache
def _adapter() -> TypeAdapter[tuple[Requirements]]:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(tuple[Requirements], config=ConfigDict(extra="forbid"))


def _invalid(path: Path, error: Any) -> DescriptorError:
    place = error["loc"][1:]
    key = ".".join(str(part) for part in place)
    if error["type"] == "unexpected_keyword_argument":
        known = Requirements if len(place) == 1 else Requirement
        unknown = UnknownName("key", str(place[-1]), known.__dataclass_fields__)
        return DescriptorError(f"{path}: {key}: {unknown.message}", unknown.remedy)
    message = error["msg"].removeprefix("Value error, ")
    return DescriptorError(f"{path}: {key}: {message}", f"a file of requirements has tables {_EXAMPLE}")
