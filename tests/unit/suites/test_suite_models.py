"""Models of one's own in a suite's file, and the names in it that are checked before anything is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

import suites
import suites.suite as suite_module
from harness.core.errors import DescriptorError, UnknownName, UsageError
from suites.nightly_rules import NightlyRule, NightlyRules
from suites.suite import ModelFile


def written(folder: Path, cases: str, top: str = "") -> str:
    path = folder / "team.toml"
    path.write_text(f'title = "Ours"\nprofile = "smoke"\n{top}\n[[cases]]\n{cases}\n')
    return str(path)


def test_files_are_relative_to_the_suite(tmp_path: Path) -> None:
    text = """models = [
      "mobilenet_v2-0.35-32",
      { file = "my.onnx", data = "photos/", preprocess = "imagenet", reference = "../fp32.onnx" },
      { file = ["a.onnx", "/elsewhere/a.tflite"], shapes = { x = [1, 3] }, limits = ["p50 <= 20 ms"] },
    ]
    compression = ["fp32"]
    runtimes = ["onnxruntime-cpu"]"""
    (group,) = suites.load(written(tmp_path, text)).groups
    assert group.names == ("mobilenet_v2-0.35-32",)
    one, two = group.files
    assert one.files == (str(tmp_path / "my.onnx"),)
    assert (one.data, one.reference) == (str(tmp_path / "photos"), str(tmp_path / "../fp32.onnx"))
    assert two.files == (str(tmp_path / "a.onnx"), "/elsewhere/a.tflite")
    assert (two.shapes, two.limits) == ({"x": (1, 3)}, ("p50 <= 20 ms",))
    assert [case.model for case in suites.expand(suites.load(written(tmp_path, text)))] == ["mobilenet_v2-0.35-32"]


OWN = 'models = [{ file = "my.onnx" }]'
NAMED = 'models = ["mobilenet_v2-0.35-32"]'


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        ('models = [{ file = "m.onnx", dta = "photos" }]', ["unknown key 'dta'", "did you mean 'data'?"]),
        ('models = [{ data = "photos" }]', ["cases.0.models.0.file", "required"]),
        ('models = [{ file = "" }]', ["file is empty"]),
        ("models = [{ file = [] }]", ["file is empty"]),
        ('models = [{ file = "m.onnx", preprocess = "imagenet" }]', ["preprocess without data"]),
        ("models = [{ file = 3 }]", ["cases.0.models.0.file"]),
        ('models = [{ file = "m.onnx", limits = ["fast"] }]', ["'fast' is not a limit"]),
        ('models = [{ file = "m.onnx", label_order = "size" }]', ["label_order", "'name' or 'number'"]),
        (f"{OWN}\nbatch = [1, 2]", ["one size at a time"]),
        (f'{OWN}\ncompresion = ["fp32"]', ["unknown key 'compresion'", "did you mean 'compression'?"]),
        (f'{NAMED}\nruntimes = ["null"]', ["compression is missing"]),
        (f'{NAMED}\ncompression = ["fp32"]', ["runtimes is missing"]),
    ],
)
def test_what_is_wrong_in_a_suite_is_named(tmp_path: Path, cases: str, words: list[str]) -> None:
    with pytest.raises(DescriptorError) as caught:
        suites.load(written(tmp_path, cases))
    told = str(caught.value)
    assert "team.toml" in told
    assert all(word in told for word in words), told


def test_an_unknown_key_at_the_top_is_named(tmp_path: Path) -> None:
    with pytest.raises(DescriptorError, match=r"unknown key 'profle'[\s\S]*did you mean 'profile'"):
        suites.load(written(tmp_path, OWN, 'profle = "full"'))


@pytest.mark.parametrize(
    ("cases", "told"),
    [
        ('models = ["mobilnet_v2-0.35-32"]\ncompression = ["fp32"]\nruntimes = ["null"]', "unknown model 'mobilnet"),
        (f'{NAMED}\ncompression = ["int8-sttic"]\nruntimes = ["null"]', "unknown compression setting 'int8-sttic'"),
        (f'{NAMED}\ncompression = ["fp32+nothing"]\nruntimes = ["null"]', "unknown compression setting 'nothing'"),
        (f'{NAMED}\ncompression = ["fp32"]\nruntimes = ["litert-xnpack"]', "unknown runtime 'litert-xnpack'"),
        (f'{NAMED}\ncompression = ["fp32"]\nruntimes = ["null"]\ndataset = "mnist"', "unknown data set 'mnist'"),
    ],
)
def test_a_name_that_nothing_has_is_an_error(tmp_path: Path, cases: str, told: str) -> None:
    with pytest.raises(UnknownName, match=told):
        suites.load(written(tmp_path, cases))


@pytest.mark.parametrize("name", suites.names())
def test_every_built_in_suite_names_what_there_is(name: str) -> None:
    assert suites.load(name).groups


@pytest.mark.parametrize("name", ["absent.toml", "no/such/suite", "my.onxx"])
def test_a_path_that_is_not_there_is_called_a_path(name: str) -> None:
    with pytest.raises(UsageError, match="no such suite or model file"):
        suites.load(name)


def test_a_limit_of_a_model_holds_for_no_other() -> None:
    rules = NightlyRules(
        (NightlyRule(model="net", limits=("p50 <= 20 ms",)), NightlyRule("int8", limits=("size <= 1 MB",)))
    )

    def texts(case_id: str) -> list[str]:
        return [limit.text for limit in rules.limits(case_id)]

    assert texts("net|as-is|null|t1") == ["p50 <= 20 ms"]
    assert texts("my-net|as-is|null|t1") == texts("net2|as-is|null|t1") == []
    assert texts("net|int8-static|null|t1") == ["p50 <= 20 ms", "size <= 1 MB"]


def test_one_file_is_a_model_of_one_file() -> None:
    assert ModelFile("a.onnx").files == ("a.onnx",)


def read(text: str) -> dict[str, object]:
    return suite_module.tomllib.loads(text)


def test_the_schema_takes_what_the_reader_takes(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(suites.schema())
    validator = jsonschema.Draft202012Validator(suites.schema())
    for name in suites.names():
        validator.validate(read((suite_module.FOLDER / f"{name}.toml").read_text(encoding="utf-8")))
    own = 'models = ["a", { file = ["m.onnx", "m.tflite"], data = "d", shapes = { x = [1] }, limits = ["p50 <= 1 s"] }]'
    validator.validate(read(Path(written(tmp_path, own)).read_text()))
    for wrong in (
        'models = [{ file = "m.onnx", dta = "photos" }]',
        "models = [{ file = 3 }]",
        'models = [{ data = "photos" }]',
        f'{OWN}\nscenario = "Fast"',
        f'{OWN}\ncompresion = ["fp32"]',
    ):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(read(Path(written(tmp_path, wrong)).read_text()))
    with pytest.raises(jsonschema.ValidationError, match="cases"):
        validator.validate({"title": "none", "profile": "quick"})
