"""Keras files and SavedModels: made from the shipped .onnx, the same answers, precision read back, refusals."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.core import plugins
from harness.core.artifact import Preprocess, format_of
from harness.core.errors import UsageError
from harness.core.quantity import Value
from harness.runtimes.base import Adapter, Options, Session, SessionError
from harness.runtimes.tensorflow import adapter
from suites.artifacts import catalog
from suites.preparation.convert import CONVERTERS, ConversionRequest
from tests.outputs import compare

NAMES = ("double", "square")
NETS = ("efficientnet_lite0-0.3-32", "mobilenet_v2-0.35-32", "shufflenet_v2-0.5-32")
FILES = {"tensorflow": ("savedmodel", "net"), "keras": ("keras", "net.keras")}


def runtime(name: str) -> Adapter:
    found: Adapter = plugins.load("runtimes", name)
    return found


def test_the_files_take_images_with_channels_last() -> None:
    how = Preprocess(channels=1, pad=2, layout="NCHW")
    for kind in ("savedmodel", "keras"):
        assert CONVERTERS[kind].preprocess(how) == Preprocess(channels=1, pad=2, layout="NHWC")  # type: ignore[index]
        with pytest.raises(UsageError, match="does not support int8-static"):
            CONVERTERS[kind].source_setting("int8-static")  # type: ignore[index]
    assert CONVERTERS["openvino"].preprocess(how) == how


@pytest.mark.prepare
@pytest.mark.filterwarnings("ignore")  # TensorFlow's own
class TestWithTensorFlow:
    """All in one process, and so with one number of threads."""

    @pytest.fixture(scope="class", autouse=True)
    def tf(self) -> Any:
        tf = pytest.importorskip("tensorflow")
        runtime("tensorflow").load_library()
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        return tf

    @pytest.mark.parametrize("net", NETS)
    @pytest.mark.parametrize("name", FILES)
    def test_a_shipped_net_answers_as_the_reference_does(self, tmp_path: Path, net: str, name: str) -> None:
        kind, file = FILES[name]
        source = catalog.ARTIFACTS / net / "fp32.onnx"
        CONVERTERS[kind].convert(ConversionRequest(net, "fp32", source, tmp_path / file))  # type: ignore[index]
        assert format_of(tmp_path / file) == kind
        session = runtime(name).open(tmp_path / file, Options())
        reference = runtime("onnxruntime-cpu").open(source, Options())
        found = compare(outputs(session, (1, 32, 32, 1)), outputs(reference, (1, 1, 32, 32)))
        assert isinstance(found["fidelity_sqnr_db"], Value)
        assert found["fidelity_sqnr_db"].value > 100
        assert session.info()["threads"] == 1
        assert session.execution().effective == "fp32"

    def test_a_saved_model_of_the_users_own(self, tmp_path: Path, tf: Any) -> None:
        """Several inputs of any type, and a signature by its name."""

        class Own(tf.Module):  # type: ignore[misc]
            @tf.function
            def both(self, a: Any, b: Any) -> Any:
                return {"sum": a + tf.cast(b, tf.float32), "less": a - 1.0}

        own = Own()
        took = own.both.get_concrete_function(tf.TensorSpec((None, 3), tf.float32), tf.TensorSpec((None, 1), tf.int64))
        tf.saved_model.save(own, str(tmp_path / "own"), signatures={"both": took})
        with pytest.raises(SessionError, match="no signature 'neither': it has both") as raised:
            runtime("tensorflow").open(tmp_path / "own", Options(signature="neither"))
        assert raised.value.remedy == "--signature both, or all"
        session = runtime("tensorflow").open(tmp_path / "own", Options(batch=2))
        assert [(each.shape, each.dtype) for each in session.inputs] == [((-1, 3), "float32"), ((-1, 1), "int64")]
        for step in (1, 2):
            session.prepare({"a": np.full((2, 3), step, np.float32), "b": np.int64([[0], [10]])})
            session.infer()
            told = session.fetch()
            assert told["sum"].tolist() == [[step] * 3, [step + 10] * 3]
            assert told["less"].tolist() == [[step - 1] * 3] * 2

    def test_signatures_are_listed_and_chosen_among(self, tmp_path: Path, tf: Any) -> None:
        class Two(tf.Module):  # type: ignore[misc]
            @tf.function
            def double(self, x: Any) -> Any:
                return {"y": x + x}

            @tf.function
            def square(self, x: Any) -> Any:
                return {"y": x * x}

        two = Two()
        names = {name: getattr(two, name).get_concrete_function(tf.TensorSpec((1, 2), name="x")) for name in NAMES}
        tf.saved_model.save(two, str(tmp_path / "two"), signatures=names)
        assert runtime("tensorflow").signatures(tmp_path / "two") == NAMES
        with pytest.raises(SessionError, match="no signature 'serving_default': it has double, square"):
            runtime("tensorflow").open(tmp_path / "two", Options())
        answers = []
        for name in NAMES:
            session = runtime("tensorflow").open(tmp_path / "two", Options(signature=name))
            session.prepare({"x": np.float32([[3, 4]])})
            session.infer()
            answers.append(session.fetch()["y"].tolist())
            assert (session.info()["signature"], session.findings()) == (name, ())
        assert answers == [[[6, 8]], [[9, 16]]]

    def test_state_and_types_that_no_array_has_are_refused(self, tmp_path: Path, tf: Any) -> None:
        count, generator = tf.Variable(0.0), tf.random.Generator.from_seed(1)
        nets = {
            "AssignAddVariableOp": (lambda x: {"y": x + count.assign_add(1.0)}, tf.float32),
            "RngReadAndSkip": (lambda x: {"y": x + generator.normal((1, 3))}, tf.float32),
            "type bfloat16, which no array can hold": (lambda x: {"y": x}, tf.bfloat16),
            "type string, which no array can hold": (lambda x: {"y": x}, tf.string),
        }
        for number, (words, (net, dtype)) in enumerate(nets.items()):
            own = tf.Module()
            own.state = [count, generator]
            own.net = tf.function(net, input_signature=[tf.TensorSpec((1, 3), dtype, name="x")])
            tf.saved_model.save(own, str(tmp_path / str(number)), signatures={"serving_default": own.net})
            with pytest.raises(SessionError, match=words) as raised:
                runtime("tensorflow").open(tmp_path / str(number), Options())
            assert raised.value.remedy

    def test_outputs_of_every_type_and_shape(self, tmp_path: Path, tf: Any) -> None:
        def net(x: Any) -> Any:
            return {"half": tf.cast(x, tf.bfloat16), "text": tf.strings.as_string(x), "places": tf.where(x > 0)}

        own = tf.Module()
        own.net = tf.function(net, input_signature=[tf.TensorSpec((1, 3), tf.float32, name="x")])
        tf.saved_model.save(own, str(tmp_path / "own"), signatures={"serving_default": own.net})
        session = runtime("tensorflow").open(tmp_path / "own", Options())
        found = []
        for values in ([1, 0, 2.5], [0, 0, 0]):
            session.prepare({"x": np.float32([values])})
            session.infer()
            told = session.fetch()
            assert told["half"].dtype == np.float32
            assert told["half"].tolist() == [values]
            assert told["text"].shape == (1, 3)
            found.append(told["places"].shape)
        assert found == [(2, 2), (0, 2)]

    def test_variables_are_folded_into_the_graph(self, tmp_path: Path, tf: Any) -> None:
        keras = pytest.importorskip("keras")
        net = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()])
        net.save(tmp_path / "own.keras")
        session = runtime("keras").open(tmp_path / "own.keras", Options())
        image = np.random.default_rng(0).random((1, 8, 8, 3), np.float32)
        session.prepare({session.inputs[0].name: image})
        session.infer()
        assert np.allclose(next(iter(session.fetch().values())), net(image), atol=1e-6)
        assert "ReadVariableOp" not in {node.op for node in session._frozen.graph.as_graph_def().node}  # type: ignore[attr-defined]

    def test_code_in_a_keras_file_is_not_run(self, tmp_path: Path) -> None:
        keras = pytest.importorskip("keras")
        net = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x * 2)])
        net.save(tmp_path / "own.keras")
        with pytest.raises(SessionError, match="tensorflow cannot run it") as raised:
            runtime("keras").open(tmp_path / "own.keras", Options())
        assert "Python code, which is not run" in raised.value.remedy

    def test_what_is_no_model_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "m.keras").write_bytes(b"no zip archive")
        with pytest.raises(SessionError, match="tensorflow cannot run it") as raised:
            runtime("keras").open(tmp_path / "m.keras", Options())
        assert "no whole .keras file" in raised.value.remedy
        (tmp_path / "own").mkdir()
        (tmp_path / "own/saved_model.pb").write_bytes(b"no protobuf")
        with pytest.raises(SessionError, match="tensorflow cannot run it") as raised:
            runtime("tensorflow").open(tmp_path / "own", Options())
        assert "damaged" in raised.value.remedy

    def test_another_number_of_threads_wants_another_process(self, tmp_path: Path) -> None:
        keras = pytest.importorskip("keras")
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "own.keras")
        with pytest.raises(SessionError, match="cannot be modified after initialization") as raised:
            runtime("keras").open(tmp_path / "own.keras", Options(threads=2))
        assert "one process" in raised.value.remedy

    def test_a_net_with_other_operators_cannot_be_converted_to_keras(self, tmp_path: Path) -> None:
        net = NETS[1]
        source = catalog.ARTIFACTS / net / "int8-static.onnx"
        with pytest.raises(UsageError, match=r"DequantizeLinear in .* cannot be converted to Keras"):
            CONVERTERS["keras"].convert(ConversionRequest(net, "fp32", source, tmp_path / "m.keras"))


def outputs(session: Session, shape: tuple[int, ...]) -> np.ndarray:
    """Of eight images with one channel, for which both layouts are the same bytes."""
    (spec,) = session.inputs
    rows = []
    for image in np.random.default_rng(0).random((8, *shape), np.float32):
        session.prepare({spec.name: image})
        session.infer()
        rows.append(next(iter(session.fetch().values())).ravel())
    return np.stack(rows)


def graph(*operators: str, called: tuple[str, ...] = ()) -> Any:
    """A GraphDef of these operators, with one function of the others."""
    nodes = [SimpleNamespace(op=name) for name in operators]
    functions = [SimpleNamespace(node_def=[SimpleNamespace(op=name) for name in called])]
    return SimpleNamespace(node=nodes, library=SimpleNamespace(function=functions))


@pytest.mark.parametrize(
    "assigning",
    [graph("MatMul", "AssignVariableOp"), graph("PartitionedCall", called=("AssignAddVariableOp",))],
    ids=["here", "in a function"],
)
def test_a_model_that_changes_its_variables_is_refused_with_what_to_do(assigning: Any) -> None:
    with pytest.raises(SessionError, match="changes its variables in an inference") as raised:
        adapter._refuse_state(assigning)
    assert "as inputs and outputs" in raised.value.remedy


def test_a_model_that_reads_its_variables_is_taken() -> None:
    adapter._refuse_state(graph("ReadVariableOp", "MatMul", called=("VarHandleOp", "Identity")))
