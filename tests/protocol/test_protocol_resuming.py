"""A run is resumed as it was begun: options, data and model files are compared, and what differs is named."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.runs.config import RunConfig
from harness.runs.resuming import _OPTIONS, BASIS, basis_of, data_digest, resumed
from harness.runs.session import RunSession
from tests.protocol.protocol_helpers import config_on_a_tree
from tests.protocol.scripted import usual
from tests.protocol.test_protocol_failures import killed, plan_of, replace_workers, two_nets


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


def test_every_field_of_a_configuration_is_compared_or_stands_for_files_and_cases() -> None:
    by_content = {"suite", "models", "data", "reference", "inputs", "replacements", "descriptors"}
    by_header = {"target_name", "profile", "seed", "filters", "runtimes"}
    of_this_start = {"out", "resume", "strict", "wait_for_quiet_s", "command", "fs"}
    every = {field.name for field in dataclasses.fields(RunConfig)}
    assert every == by_content | by_header | of_this_start | set(_OPTIONS)


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


def test_a_run_of_an_older_version_is_resumed_by_what_it_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = killed(monkeypatch, tmp_path)
    header = run.header()
    now = dataclasses.replace(header, provenance={**header.provenance, BASIS: {}})
    run.write_header(dataclasses.replace(header, provenance={}))
    assert [case.model for case in resumed(plan_of(two_nets(), run.path), run, now)[0].cases] == ["second"]


def test_what_a_run_is_based_on_is_in_its_header(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    replace_workers(monkeypatch, usual)
    plan = plan_of(two_nets(), tmp_path / "run")
    basis = killed(monkeypatch, tmp_path).header().provenance[BASIS]
    assert basis == basis_of(config_on_a_tree(tmp_path), plan)
    assert basis["options"]["--images"] is None
    assert {name.split()[0] for name in basis["models"]} >= {"first", "second"}


def test_a_data_set_is_known_by_its_files_wherever_it_lies(tmp_path: Path) -> None:
    def made(name: str, labels: str = "a.png 0", picture: bytes = b"12") -> str:
        folder = tmp_path / name
        (folder / "images").mkdir(parents=True)
        (folder / "images" / "a.png").write_bytes(picture)
        (folder / "labels.txt").write_text(labels)
        return data_digest("yolo", folder)

    first = made("first")
    assert made("moved") == first
    assert made("labels", labels="a.png 1") != first
    assert made("picture", picture=b"123") != first
