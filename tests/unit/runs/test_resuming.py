"""What a run is based on, as its header tells it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.runs.config import RunConfig
from harness.runs.resuming import _OPTIONS, BASIS, basis_of, data_digest, resumed
from tests.protocol.protocol_helpers import config_on_a_tree
from tests.protocol.scripted import usual
from tests.protocol.test_protocol_failures import killed, plan_of, replace_workers, two_nets


def test_every_field_of_a_configuration_is_compared_or_stands_for_files_and_cases() -> None:
    by_content = {"suite", "models", "data", "reference", "inputs", "replacements", "descriptors"}
    by_header = {"target_name", "profile", "seed", "filters", "runtimes"}
    of_this_start = {"out", "resume", "strict", "wait_for_quiet_s", "command", "fs"}
    every = {field.name for field in dataclasses.fields(RunConfig)}
    assert every == by_content | by_header | of_this_start | set(_OPTIONS)


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
