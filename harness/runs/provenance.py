"""What a run's figures may depend on beside machine, versions, command and seed: `RunHeader.provenance`.

    repository    commit and dirty flag of the git repository around the working directory
    edgebench     the same of edgebench's own repository
    target        name, kind and hash of the target descriptor in use
    python        implementation, version and compiler
    power_mode    finding of the check of that name
    inputs        name and hash of the file of --inputs
    driven_by     the machine that started the run over SSH
    basis         options, hashes of the model files and of the data: what a resumed run must share (`resuming`)
    power_supply, ambient_c   given by the user, since nothing here can measure them

Each is a value, or {"reason": why it is not known}.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.core.quantity import Missing
from harness.core.target import Target
from harness.core.verdict import Finding
from harness.measure.given_inputs import GivenInputs

DRIVEN_BY = "EDGEBENCH_DRIVEN_BY"
"""The variable that `edgebench run --on` sets on the board."""
_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 20.0  # of a status over a large work tree on a memory card


def provenance(
    target: Target,
    findings: Iterable[Finding],
    power_supply: str | None,
    ambient_c: float | None,
    inputs: GivenInputs | None = None,
) -> dict[str, Any]:
    """Return the provenance as plain JSON types."""
    return {
        "repository": repository(Path.cwd()),
        "edgebench": _own_repository(),
        "target": {"name": target.name, "kind": target.kind, "sha256": descriptor_sha256(target)},
        "python": {
            "implementation": platform.python_implementation(),
            "version": platform.python_version(),
            "compiler": platform.python_compiler(),
        },
        "power_mode": _power_mode(findings),
        "inputs": {"file": inputs.path.name, "sha256": inputs.sha256} if inputs else _unknown("not given (--inputs)"),
        "driven_by": os.environ.get(DRIVEN_BY) or _unknown("started on the machine itself"),
        "power_supply": power_supply or _unknown("not given (--power-supply)"),
        "ambient_c": _unknown("not given (--ambient-c)") if ambient_c is None else ambient_c,
    }


def repository(folder: Path) -> dict[str, Any]:
    """Return `commit` and `dirty` (changed or untracked files) of the git repository around a folder, or the reason."""
    commit = _git(folder, "rev-parse", "HEAD")
    if isinstance(commit, Missing):
        return _unknown(commit.reason)
    status = _git(folder, "status", "--porcelain", "--untracked-files=normal")
    dirty = _unknown(status.reason) if isinstance(status, Missing) else bool(status)
    return {"commit": commit, "dirty": dirty}


def descriptor_sha256(target: Target) -> str:
    """Return the hash of a descriptor's content, whatever the order of its keys."""
    text = json.dumps(dataclasses.asdict(target), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _own_repository() -> dict[str, Any]:
    """Return that of the source tree this runs from; a repository that merely holds the environment is not it."""
    top = _git(_ROOT, "rev-parse", "--show-toplevel")
    if isinstance(top, Missing) or Path(top).resolve() != _ROOT:
        return _unknown("installed, not run from a repository: its version stands in `versions`")
    return repository(_ROOT)


def _power_mode(findings: Iterable[Finding]) -> Any:
    power_mode = next((finding for finding in findings if finding.check == "power_mode"), None)
    if power_mode is None or power_mode.status == "unknown":
        return _unknown(power_mode.found if power_mode else "no such check")
    return power_mode.found


def _git(folder: Path, *words: str) -> str | Missing:
    program = shutil.which("git")
    if program is None:
        return Missing("git is not installed")
    command = [program, "--no-optional-locks", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=True)
    except subprocess.CalledProcessError as error:
        return Missing(error.stderr.strip().splitlines()[0] if error.stderr.strip() else f"git {words[0]} failed")
    except (OSError, subprocess.TimeoutExpired) as error:
        return Missing(f"git {words[0]}: {error}")
    return done.stdout.strip()


def _unknown(reason: str) -> dict[str, str]:
    return {"reason": reason}
