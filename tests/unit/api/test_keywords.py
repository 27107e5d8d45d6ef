"""Keywords of the Python API are the options of the command, and its parsers read their values."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import edgebench as eb
from edgebench._keywords import options_of, parsed
from edgebench._options import AbOptions, Bounds, MeasurementOptions, RunOptions
from harness.cli import ab, compare, recommend, run
from harness.cli._options import config_of
from harness.cli._parser import CommandParser

OF_THE_TERMINAL = {"help", "json", "format", "debug", "verbose", "no_report", "on", "require"}
"""Options about what the command prints, where it runs and how it ends; a program asks `Results` for a report."""
NOT_READ = {"host_root", "targets"}
"""Options of every command that these three make no use of."""


def options(command: ModuleType) -> set[str]:
    parser = CommandParser()
    command.add_arguments(parser)
    return set(options_of(parser)) - OF_THE_TERMINAL


def keywords(function: object) -> set[str]:
    parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    return {each.name for each in parameters if each.kind is each.KEYWORD_ONLY} - {"progress"}


def test_the_keywords_of_run_and_benchmark_are_the_options_of_the_command() -> None:
    assert set(RunOptions.__annotations__) == options(run)
    assert keywords(eb.run) == options(run)
    assert set(MeasurementOptions.__annotations__) == keywords(eb.benchmark) == options(run) - {"models"}


def test_the_keywords_of_ab_recommend_and_compare_are_the_options_of_the_commands() -> None:
    assert set(AbOptions.__annotations__) == keywords(eb.ab) == options(ab) - NOT_READ
    assert set(Bounds.__annotations__) == keywords(eb.recommend) == options(recommend) - NOT_READ
    assert keywords(eb.Results.best) == keywords(eb.recommend)
    assert keywords(eb.compare) == options(compare) - NOT_READ


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: eb.run(profle="smoke"), "run() has no keyword 'profle'; did you mean 'profile'?"),
        (lambda: eb.benchmark("a.onnx", runtime="x"), "benchmark() has no keyword 'runtime'; did you mean 'runtimes'?"),
        (lambda: eb.ab("a", "b", shape={}), "ab() has no keyword 'shape'; did you mean 'shapes'?"),
        (lambda: eb.recommend("r", min_top5=1), "recommend() has no keyword 'min_top5'; did you mean 'min_top1'?"),
        (lambda: eb.compare("a", "b", forced=True), "compare() has no keyword 'forced'; did you mean 'force'?"),
        (lambda: eb.run(qqqq=1), "run() has no keyword 'qqqq'"),
    ],
)
def test_an_unknown_keyword_is_a_type_error_that_names_the_nearest(call, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value) == message


def words(**values: object) -> tuple[str, ...]:
    """The words after `run` that the keywords come to."""
    return parsed(run, [None], values).words[1:]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ()),
        ({"threads": None, "runtimes": None, "tune": None, "deep": None}, ()),
        ({"threads": 2}, ("--threads", "2")),
        ({"threads": np.int64(2), "rate": np.float64(2.5)}, ("--threads", "2", "--rate", "2.5")),
        ({"runtimes": "a"}, ("--runtime", "a")),
        ({"runtimes": ["a", "b"]}, ("--runtime", "a", "--runtime", "b")),
        ({"runtimes": ()}, ()),
        ({"models": [Path("a.onnx"), "b c.onnx"]}, ("--model", "a.onnx", "--model", "b c.onnx")),
        ({"compress": ["int8-static", "fp16"]}, ("--compress", "int8-static,fp16")),
        ({"compress": "all"}, ("--compress", "all")),
        ({"shapes": {"x": (1, 3, 8, 8)}}, ("--shape", "x=1x3x8x8")),
        (
            {"runtime_options": {"openvino-cpu": {"NUM_STREAMS": 2, "A": "b"}}},
            ("--runtime-option", "openvino-cpu:NUM_STREAMS=2", "--runtime-option", "openvino-cpu:A=b"),
        ),
        ({"artifacts": {"m|fp32|r|t1": Path("x.onnx")}}, ("--artifact", "m|fp32|r|t1=x.onnx")),
        ({"tune": True, "strict": False}, ("--tune",)),
        ({"deep": False}, ("--no-deep",)),
        ({"deep": True}, ("--deep",)),
        ({"ambient_c": -3.5}, ("--ambient-c=-3.5",)),
        ({"filters": "-x"}, ("--filter=-x",)),
    ],
)
def test_keywords_become_the_words_of_a_command_line(values: Mapping[str, object], expected: tuple[str, ...]) -> None:
    assert words(**values) == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"threads": 0}, "threads: '0' is not a positive whole number"),
        ({"threads": 2.5}, "threads: '2.5' is not a positive whole number"),
        ({"rate": float("nan")}, "rate: 'nan' is not a number"),
        ({"accuracy_margin": 100}, "accuracy_margin: 100 is not between 0 and 100 points"),
        ({"shapes": ["x"]}, "shapes: 'x' is not of the form NAME=1x3x224x224"),
        ({"runtime_options": "x"}, "runtime_options: 'x': NAME:KEY=VALUE expected"),
        ({"scenario": "Fast"}, "scenario: invalid choice: 'Fast'"),
        ({"filters": "x", "seed": "y"}, "seed: invalid int value: 'y'"),
    ],
)
def test_a_value_that_the_command_refuses_is_a_usage_error_that_names_the_keyword(
    values: Mapping[str, object], message: str
) -> None:
    with pytest.raises(eb.UsageError) as caught:
        words(**values)
    assert caught.value.message.startswith(message)
    assert caught.value.remedy == "help(edgebench.run) lists the keywords"


@pytest.mark.parametrize(
    "values",
    [
        {"threads": True},
        {"threads": [1, 2]},
        {"data": {"a": "b"}},
        {"tune": 1},
        {"tune": "no"},
        {"shapes": {"x": {"y": 1}}},
        {"runtime_options": {"a": "b"}},
        {"profile": object()},
        {"data": b"photos"},
    ],
)
def test_a_value_of_a_type_that_no_option_has_is_a_type_error(values: Mapping[str, object]) -> None:
    with pytest.raises(TypeError, match=next(iter(values))):
        words(**values)


def test_keywords_and_the_command_line_give_one_configuration() -> None:
    parser = CommandParser()
    run.add_arguments(parser)
    line = "--model a.onnx --scenario Server --rate 5 --threads 2 --latency-bound 20 --memory-limit 64 --shape x=1x2"
    typed: argparse.Namespace = parser.parse_args([*line.split(), "--accuracy-stop", "--no-deep"])
    called = parsed(
        run,
        [None],
        {
            "models": "a.onnx",
            "scenario": "Server",
            "rate": 5,
            "threads": 2,
            "latency_bound": 20,
            "memory_limit": 64,
            "shapes": {"x": (1, 2)},
            "accuracy_stop": True,
            "deep": False,
        },
    )
    typed.words = called.words
    assert vars(typed) == vars(called)
    config = config_of(called)
    assert (config.memory_bytes, config.load.latency_bound_ns, config.accuracy_margin) == (64 << 20, 20_000_000, 0.01)
    assert config.command[:2] == ("edgebench", "run")
