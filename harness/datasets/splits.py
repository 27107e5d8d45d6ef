"""Find the held-out part of a data set that is split into folders such as train/, val/ and test/."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from harness.core.errors import DataError
from harness.core.verdict import Finding

Role = Literal["training", "validation", "test"]

_ROLES: dict[str, Role] = {
    **dict.fromkeys(("train", "training", "trainset", "trainingset"), "training"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "valset", "validationset"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation", "holdout", "testset", "testingset"), "test"),
}
_FILLERS = frozenset({"set", "data", "dataset", "images", "image", "imgs", "img", "split"})


def folders(path: Path) -> list[Path]:
    """Return the sub-folders that are not hidden, sorted by name."""
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__MACOSX")))


def held_out(path: Path) -> tuple[Path, list[Finding]]:
    """Return the folder whose images are scored: `path`, or the held-out part of the splits in it.

    The sub-folders are splits when all are named like some ('train', 'Test', 'val2017', 'training_set', 'seg_test'), or
    when there is one for training and one that is held out. Validation images are preferred to test images, which are
    often published without labels.

    Returns:
        The folder, and a finding that names it where there was a choice.

    Raises:
        DataError: There are training images alone, or two parts of one role.
    """
    inside = folders(path)
    roles = {folder: role for folder in inside if (role := _role(folder.name))}
    kinds = {role for role, _ in roles.values()}
    one_prefix = len({prefix for _, prefix in roles.values()}) == 1
    everything = len(roles) == len(inside) and one_prefix
    if not roles or not (everything or ("training" in kinds and len(kinds) > 1)):
        return path, []
    chosen = _chosen(path, {folder: role for folder, (role, _) in roles.items()})
    names = ", ".join(folder.name for folder in roles)
    others = f"{path} is split into {names}: the images in {chosen.name} are scored"
    return chosen, [Finding("split", "ok", others, f"for others name their folder: --data {path}/NAME")]


def _role(name: str) -> tuple[Role, str] | None:
    """Return the role of a folder by its name and what else the name says; None for a name that is no split's."""
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if word and word not in _FILLERS]
    roles = [_ROLES[word] for word in words if word in _ROLES]
    rest = [word for word in words if word not in _ROLES]
    return (roles[0], " ".join(rest)) if len(roles) == 1 and len(rest) <= 1 else None


def _chosen(path: Path, roles: dict[Path, Role]) -> Path:
    wanted: Sequence[Role] = ("validation", "test")
    for role in wanted:
        parts = [folder for folder, own in roles.items() if own == role]
        if len(parts) == 1:
            return parts[0]
        if parts:
            raise _ask(path, f"{path} has several parts for {role}: {', '.join(part.name for part in parts)}", parts)
    names = ", ".join(folder.name for folder in roles)
    raise _ask(path, f"{path} holds training images alone: {names}", list(roles))


def _ask(path: Path, problem: str, parts: Sequence[Path]) -> DataError:
    return DataError(problem, f"name the folder whose images are to be scored, such as --data {path / parts[0].name}")
