"""The probe's and the accuracy phase's work in the child, on scripted sessions."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.artifact import Preprocess
from harness.core.errors import DataError
from harness.core.execution import Execution
from harness.core.quantity import Missing, Value
from harness.measure.protocol import Job, LabelledData
from harness.measure.worker import probe as module
from harness.measure.worker.accuracy import accuracy
from harness.measure.worker.inputs import N_IMAGES, N_SEEDED
from harness.measure.worker.probe import MIN_KEPT, probe
from harness.runtimes.base import Batch, Options, Outputs, Session, SessionError, TensorSpec
from harness.stats.fidelity import OutputFidelity, metrics
from harness.stats.output_comparison import NO_NUMBERS
from suites.artifacts.catalog import DATA

FIRST = TensorSpec("x", (1, 3, 8, 5), "float32")
LAST = TensorSpec("x", (1, 8, 5, 3), "float32")
GREY = TensorSpec("x", (1, 1, 28, 28), "float32")
PICTURES = LabelledData("idx", str(DATA / "fashion-mnist"), Preprocess(channels=1))


class Scripted(Session):
    """Remembers what it was fed; `answer` makes its outputs from a batch."""

    def __init__(self, *inputs: TensorSpec, answer: Callable[[Batch], Outputs] | None = None) -> None:
        self.inputs = inputs
        self.fed: list[Batch] = []
        self._answer = answer or (lambda batch: {"y": np.array([[np.mean(each) for each in batch.values()]])})

    def prepare(self, batch: Batch) -> None:
        self.fed.append(batch)

    def infer(self) -> None:
        """Nothing: the answer is made when it is fetched."""

    def fetch(self) -> Outputs:
        return self._answer(self.fed[-1])

    def info(self) -> dict[str, Any]:
        return {}


class Silent(Scripted):
    """A library whose private interfaces have changed."""

    def execution(self) -> Execution:
        raise AttributeError("no attribute 'get_graph'")

    def counts(self) -> Missing:
        raise KeyError("nodes")


def job(labelled: LabelledData | None = None, seed: int = 0, **options: Any) -> Job:
    return Job("probe", "none:none", "m", "out", Options(**options), labelled=labelled, seed=seed)


def test_without_pictures_inputs_are_seeded_and_the_same_each_time() -> None:
    first, second, other = Scripted(FIRST), Scripted(FIRST), Scripted(FIRST)
    for session, seed in ((first, 0), (second, 0), (other, 1)):
        probe(session, job(seed=seed))
    assert len(first.fed) == N_SEEDED
    assert all(np.array_equal(a["x"], b["x"]) for a, b in zip(first.fed, second.fed, strict=True))
    assert not any(np.array_equal(a["x"], b["x"]) for a, b in zip(first.fed, other.fed, strict=True))


def test_channels_last_gets_the_picture_that_channels_first_gets() -> None:
    first, last = Scripted(FIRST), Scripted(LAST)
    probe(first, job())
    probe(last, job())
    for one, other in zip(first.fed, last.fed, strict=True):
        assert np.array_equal(one["x"], other["x"].transpose(0, 3, 1, 2))


def test_a_quantized_input_gets_the_float_picture_quantized() -> None:
    stored = TensorSpec("x", (1, 3, 8, 5), "uint8", scale=1 / 255)
    floats, bytes_ = Scripted(FIRST), Scripted(stored)
    probe(floats, job())
    probe(bytes_, job())
    for one, other in zip(floats.fed, bytes_.fed, strict=True):
        assert other["x"].dtype == np.uint8
        assert np.abs(one["x"] - other["x"] / 255).max() <= 0.5 / 255 + 1e-6


def test_pictures_are_probed_where_there_are_some() -> None:
    session = Scripted(GREY)
    probe(session, job(PICTURES))
    assert len(session.fed) == N_IMAGES
    assert session.fed[0]["x"].shape == (1, 1, 28, 28)


def test_a_net_of_two_inputs_is_probed_with_seeded_ones_whatever_pictures_there_are() -> None:
    session = Scripted(GREY, TensorSpec("z", (1, 2), "float32"))
    probe(session, job(PICTURES))
    assert len(session.fed) == N_SEEDED
    assert set(session.fed[0]) == {"x", "z"}


def test_what_a_library_no_longer_tells_costs_no_outputs() -> None:
    result, _ = probe(Silent(FIRST), job())
    assert result["execution"]["effective"] == {"reason": "not told: AttributeError: no attribute 'get_graph'"}
    assert result["counts"] == {"reason": "not counted: KeyError: 'nodes'"}
    assert [one["name"] for one in result["outputs_checked"]] == ["y"]


def against(own: Session, reference: Session, folder: Path, suffix: str = ".onnx") -> list[OutputFidelity]:
    """What the probe of `own` says, whose reference is probed first."""
    folder.mkdir()
    kept = dataclasses.replace(job(), keep_outputs=str(folder), model="parent.onnx")
    probe(reference, kept)
    result, arrays = probe(own, dataclasses.replace(job(), reference_outputs=str(folder), model=f"own{suffix}"))
    assert not arrays, "outputs stay where they are: only sums go to the parent"
    return [OutputFidelity.from_json(one) for one in json.loads(json.dumps(result["outputs_checked"]))]


def two(batch: Batch, *, scores: float = 1.0) -> Outputs:
    x = batch["x"].reshape(3, -1)
    return {"boxes": 640 * x[None, :2], "scores": scores * x[None, 2:]}


def test_each_output_is_compared_with_that_of_its_name(tmp_path: Path) -> None:
    turned = Scripted(FIRST, answer=lambda batch: dict(reversed(two(batch, scores=0.0).items())))
    found = {one.name: one for one in against(turned, Scripted(FIRST, answer=two), tmp_path / "kept")}
    assert (found["boxes"].n, found["boxes"].fault("fp32")) == (N_SEEDED, "")
    assert "output 'scores' is zero" in found["scores"].fault("fp32")


def test_outputs_of_other_names_are_paired_by_shape_and_place(tmp_path: Path) -> None:
    renamed = Scripted(FIRST, answer=lambda batch: {"b": two(batch)["scores"], "a": two(batch)["boxes"]})
    found = against(renamed, Scripted(FIRST, answer=two), tmp_path / "kept")
    assert [(one.name, one.reference, one.fault("fp32")) for one in found] == [("b", "scores", ""), ("a", "boxes", "")]


def test_an_output_with_channels_moved_is_compared_in_the_layout_of_the_reference(tmp_path: Path) -> None:
    def first(batch: Batch) -> Outputs:
        return {"y": np.tanh(batch["x"].reshape(3, 8, 5)[None])}

    moved = Scripted(FIRST, answer=lambda batch: {"y": first(batch)["y"].transpose(0, 2, 3, 1)})
    (found,) = against(moved, Scripted(FIRST, answer=first), tmp_path / "kept", ".tflite")
    assert found.max_abs == 0
    cube = TensorSpec("x", (1, 3, 3, 3), "float32")
    turned = Scripted(cube, answer=lambda batch: {"y": batch["x"].transpose(0, 2, 3, 1)})
    plain = Scripted(cube, answer=lambda batch: {"y": batch["x"]})
    assert against(turned, plain, tmp_path / "cube", ".tflite")[0].max_abs == 0
    assert against(turned, plain, tmp_path / "again")[0].fault("fp32") != "", "one format has one layout"


def test_an_output_that_only_one_of_the_two_has_is_named(tmp_path: Path) -> None:
    fewer = Scripted(FIRST, answer=lambda batch: {"boxes": two(batch)["boxes"]})
    found = against(fewer, Scripted(FIRST, answer=two), tmp_path / "kept")
    assert [(one.name, one.reason) for one in found] == [("boxes", ""), ("scores", "only the reference has it")]
    more = Scripted(FIRST, answer=lambda batch: {**two(batch), "z": np.ones(3)})
    assert (
        against(more, Scripted(FIRST, answer=two), tmp_path / "more")[-1].reason == "the reference has no such output"
    )


def test_random_numbers_show_when_the_reference_is_asked_again(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def sampled(batch: Batch) -> Outputs:
        return {"mean": batch["x"], "sample": batch["x"] + rng.normal(size=batch["x"].shape)}

    found = against(Scripted(FIRST, answer=sampled), Scripted(FIRST, answer=sampled), tmp_path / "kept")
    assert [(one.name, one.repeatable, one.fault("fp32")) for one in found] == [
        ("mean", True, ""),
        ("sample", False, ""),
    ]


def test_a_net_with_a_state_is_compared_from_its_first_input_on(tmp_path: Path) -> None:
    def with_state() -> Scripted:
        session = Scripted(FIRST)
        session._answer = lambda batch: {"y": batch["x"] + len(session.fed)}
        return session

    (found,) = against(with_state(), with_state(), tmp_path / "kept")
    assert (found.repeatable, found.max_abs) == (False, 0)
    assert isinstance(metrics([found])["fidelity_cosine"], Value)


def test_large_outputs_are_kept_for_fewer_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEPT_BYTES", 7 * 3 * 8 * 5 * 4)
    large = lambda batch: {"y": batch["x"]}  # noqa: E731
    (found,) = against(Scripted(FIRST, answer=large), Scripted(FIRST, answer=large), tmp_path / "kept")
    assert found.n == 7
    monkeypatch.setattr(module, "MAX_KEPT_BYTES", 1)
    (found,) = against(Scripted(FIRST, answer=large), Scripted(FIRST, answer=large), tmp_path / "few")
    assert found.n == MIN_KEPT


def test_inputs_that_mean_nothing_to_the_reference_leave_the_outputs_uncompared(tmp_path: Path) -> None:
    stored = Scripted(TensorSpec("x", (1, 3, 8, 5), "uint8"))
    (found,) = against(stored, Scripted(FIRST), tmp_path / "kept")
    assert found.reason == "its input 'x' takes uint8 without a scale, the reference's float32"
    assert found.fault("fp32") == ""


def test_text_is_no_numbers(tmp_path: Path) -> None:
    labels = lambda _: {"label": np.array(["cat"]), "y": np.ones(3)}  # noqa: E731
    found = against(Scripted(FIRST, answer=labels), Scripted(FIRST, answer=labels), tmp_path / "kept")
    assert [one.reason for one in found] == [NO_NUMBERS, ""]
    assert all(one.repeatable for one in found)


@pytest.mark.parametrize("limit", [1, 7])
def test_accuracy_feeds_as_many_pictures_as_it_is_told(limit: int) -> None:
    session = Scripted(GREY, answer=lambda batch: {"y": batch["x"].reshape(1, -1)[:, :10], "more": np.ones(3)})
    limited = LabelledData(PICTURES.kind, PICTURES.path, PICTURES.preprocess, limit)
    result, arrays = accuracy(session, job(limited))
    assert len(session.fed) == len(arrays["labels"]) == limit
    assert arrays["outputs"].shape == (limit, 10)  # the first output is the one that is scored
    assert arrays["places"].tolist() == list(range(limit))
    assert result["label_mapping"]["classes"] == 10
    assert result["stop"] == {}


def test_accuracy_needs_a_net_of_one_input_and_labels() -> None:
    with pytest.raises(SessionError, match="a model with one input, this one has 2"):
        accuracy(Scripted(FIRST, LAST), job(PICTURES))
    with pytest.raises(ValueError, match="needs labelled images"):
        accuracy(Scripted(FIRST), job())


def test_pictures_that_are_gone_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder of labelled images"):
        accuracy(Scripted(GREY), job(LabelledData("folder", str(tmp_path / "gone"), Preprocess())))


def test_an_integer_input_without_scale_is_refused_for_pictures_in_fractions() -> None:
    with pytest.raises(SessionError, match="takes uint8 and has no scale"):
        probe(Scripted(TensorSpec("x", (1, 1, 28, 28), "uint8")), job(PICTURES))


class Stateful(Scripted):
    """A running sum of its inputs."""

    state = ("sum",)
    total = 0.0

    def reset_state(self) -> None:
        self.total = 0.0

    def infer(self) -> None:
        self.total += float(np.mean(self.fed[-1]["x"]))

    def fetch(self) -> Outputs:
        return {"y": np.array([[self.total]])}


def test_no_input_sees_the_state_that_another_one_left(tmp_path: Path) -> None:
    (found,) = against(Stateful(FIRST), Scripted(FIRST), tmp_path / "kept")
    assert found.fault("fp32") == ""
    assert found.sqnr_db is None or found.sqnr_db > 100
    result, _ = probe(Stateful(FIRST), job())
    (finding,) = result["execution"]["findings"]
    assert finding["check"] == "state"
    assert "(sum)" in finding["found"]
    assert "carries over from one inference to the next in the timed loop" in finding["found"]


def test_no_image_sees_the_state_that_another_one_left() -> None:
    session = Stateful(GREY)
    _, arrays = accuracy(session, dataclasses.replace(job(PICTURES), labelled=dataclasses.replace(PICTURES, limit=5)))
    assert arrays["outputs"].ravel() == pytest.approx([float(np.mean(batch["x"])) for batch in session.fed])


def test_a_session_with_state_must_reset_it() -> None:
    class Forgetful(Scripted):
        state = ("h",)

    Scripted(FIRST).reset_state()
    with pytest.raises(NotImplementedError, match="Forgetful has state and does not reset it"):
        Forgetful(FIRST).reset_state()


def test_outputs_of_changing_number_are_compared_input_by_input(tmp_path: Path) -> None:
    def growing(sign: float = 1.0) -> Scripted:
        sizes = itertools.cycle(range(1, N_SEEDED + 1))
        return Scripted(FIRST, answer=lambda _: {"y": sign * np.ones((next(sizes), 2))})

    (same,) = against(growing(), growing(), tmp_path / "same")
    assert (same.fault("fp32"), same.reason) == ("", "")
    (other,) = against(growing(-1.0), growing(), tmp_path / "other")
    assert other.fault("fp32")


def test_empty_outputs_are_no_crash_and_show_nothing(tmp_path: Path) -> None:
    empty = lambda _: {"rows": np.empty((0, 3))}  # noqa: E731
    (found,) = against(Scripted(FIRST, answer=empty), Scripted(FIRST, answer=empty), tmp_path / "kept")
    assert found.fault("fp32") == ""
    assert {str(each) for each in metrics([found]).values()} == {
        str(Missing("output 'rows': it is empty for every input"))
    }


def test_a_fixed_batch_is_compared_sample_by_sample(tmp_path: Path) -> None:
    four = TensorSpec("x", (4, 3, 8, 5), "float32")
    means = lambda batch: {"y": batch["x"].mean(axis=(1, 2, 3))[:, None]}  # noqa: E731
    kept, own = tmp_path / "kept", Scripted(four, answer=means)
    kept.mkdir()
    probe(Scripted(FIRST, answer=means), dataclasses.replace(job(), keep_outputs=str(kept)))
    result, _ = probe(own, dataclasses.replace(job(batch=4), reference_outputs=str(kept)))
    (found,) = (OutputFidelity.from_json(one) for one in result["outputs_checked"])
    assert found.n == N_SEEDED
    assert found.fault("fp32") == ""
    assert len(own.fed) == N_SEEDED / 4


def test_outputs_of_changing_number_are_no_scores_and_say_what_to_do() -> None:
    sizes = iter(range(3, 20))
    session = Scripted(GREY, answer=lambda _: {"rows": np.ones((next(sizes), 1))})
    with pytest.raises(SessionError, match="3 values for one image and 6 for another") as raised:
        accuracy(session, dataclasses.replace(job(PICTURES), labelled=dataclasses.replace(PICTURES, limit=4)))
    assert "leave --data out" in raised.value.remedy


def test_strings_are_no_scores() -> None:
    session = Scripted(GREY, answer=lambda _: {"label": np.array(["cat"])})
    with pytest.raises(SessionError, match="no output of the model holds numbers"):
        accuracy(session, job(PICTURES))
