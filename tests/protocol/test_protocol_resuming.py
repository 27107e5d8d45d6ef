"""A run is resumed as it was begun: options, data and model files are compared, and what differs is named."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.runs.resuming import BASIS, resumed
from harness.runs.session import RunSession
from tests.protocol.protocol_helpers import config_on_a_tree
from tests.protocol.test_protocol_failures import killed, plan_of, two_nets


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"images": 50}, "its option --images differs: it was not given and is 50"),
        ({"percentiles": "trtexec"}, "its option --percentile-definition differs: it was numpy and is trtexec"),
        ({"timeout_s": 3.0}, "its option --timeout differs: it was not given and is 3.0"),
        ({"ambient_c": 30.0}, "its option --ambient-c differs"),
        ({"runtime_options": {"null": {"a": "b"}}}, "its option --runtime-option differs: null was not given"),
    ],
)
def test_another_option_is_not_resumed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    killed(monkeypatch, tmp_path)
    again = RunSession(config_on_a_tree(tmp_path, resume=True, **options), plan_of(two_nets(), tmp_path / "run"))
    with pytest.raises(UsageError, match=said), again:
        pass


def _other_model(basis: dict[str, Any]) -> None:
    name = next(name for name in basis["models"] if name.startswith("second"))
    basis["models"][name] = "0" * 64


def _other_data(basis: dict[str, Any]) -> None:
    basis["data"] = {"photos": "0" * 64}


@pytest.mark.parametrize(
    ("change", "said"),
    [(_other_model, "its model file of second fp32"), (_other_data, "its data set 'photos' differs")],
)
def test_another_file_of_an_unfinished_case_is_not_resumed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    run = killed(monkeypatch, tmp_path)
    header = run.header()
    provenance = copy.deepcopy(dict(header.provenance))
    provenance[BASIS]["data"] = {"photos": "1" * 64}
    now = dataclasses.replace(header, provenance=copy.deepcopy(provenance))
    change(provenance[BASIS])
    run.write_header(dataclasses.replace(header, provenance=provenance))
    with pytest.raises(UsageError, match=said):
        resumed(plan_of(two_nets(), run.path), run, now)
