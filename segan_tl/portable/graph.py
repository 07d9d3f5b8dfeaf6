"""A functional Keras model as an ONNX graph: layer by layer, float32, channels first inside and last at both ends."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from segan_tl.errors import UserError
from segan_tl.portable.layers import emitter_of

OPSET = 20  # the first with Gelu
IR_VERSION = 9  # of that opset; what reads it reads this
INPUT, OUTPUT = "image", "probability"


class Graph:
    """Nodes and weights of an ONNX graph as it grows; each value has the name of the layer that it comes from."""

    def __init__(self):
        self.nodes, self.weights, self._names = [], [], Counter((INPUT, OUTPUT))

    def add(self, kind: str, inputs: Sequence[str], *, name: str, **attributes) -> str:
        """Add a node of one output and return what that is called."""
        from onnx import helper

        output = self._unique(name)
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def weight(self, name: str, array) -> str:
        """Add a constant and return what it is called: numbers as float32, whole ones as int64."""
        from onnx import numpy_helper

        array = np.asarray(array)
        kind = np.int64 if array.dtype.kind in "iu" else np.float32
        name = self._unique(name)
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array, kind), name))
        return name

    def _unique(self, name: str) -> str:
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name}_{self._names[name]}"


def make_graph(model: keras.Model, *, source: Path | str) -> bytes:
    """Return a network as an ONNX file: `image` (B, …, M) → `probability` (B, …, R), both float32, channels last.

    Sizes that the model leaves open stay open, and so does the batch. A network that was trained in half precision
    computes in float32 here.

    Args:
        source: of the model, for the error.

    Raises:
        UserError: the network has a layer that is not known here, or onnx is not installed.
    """
    try:
        from onnx import TensorProto, helper
    except ImportError:
        raise UserError(
            "expected the package onnx, which writes the network; it is not installed; pip install 'segan_tl[onnx]'"
        ) from None
    graph, rank = Graph(), len(model.input_shape) - 2
    first = graph.add("Transpose", [INPUT], name="channels_first", perm=[0, rank + 1, *range(1, rank + 1)])
    last = _walk(graph, model, first, source=source)
    last_axes = [0, *range(2, rank + 2), 1]
    graph.nodes.append(helper.make_node("Transpose", [last], [OUTPUT], name="channels_last", perm=last_axes))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, _open(shape))
        for name, shape in ((INPUT, model.input_shape), (OUTPUT, model.output_shape))
    ]
    whole = helper.make_graph(graph.nodes, model.name, ends[:1], ends[1:], graph.weights)
    opset = [helper.make_opsetid("", OPSET)]
    made = helper.make_model(whole, opset_imports=opset, ir_version=IR_VERSION, producer_name="segan_tl")
    return made.SerializeToString(deterministic=True)


def _walk(graph: Graph, model: keras.Model, value: str, *, source: Path | str) -> str:
    """Add all layers of a model, each after those that it reads, and return the name of what comes out."""
    values, waiting = {id(model.inputs[0]): value}, [model.outputs[0]]
    while waiting:
        tensor = waiting[-1]
        if id(tensor) in values:
            waiting.pop()
            continue
        layer, call, _ = tensor._keras_history
        read = layer._inbound_nodes[call].input_tensors
        if missing := [one for one in read if id(one) not in values]:
            waiting += missing
            continue
        inputs = [values[id(one)] for one in read]
        if isinstance(layer, keras.Model):
            values[id(tensor)] = _walk(graph, layer, inputs[0], source=source)
        else:
            values[id(tensor)] = emitter_of(layer, source=source)(graph, layer, inputs, len(tensor.shape) - 2)
    return values[id(model.outputs[0])]


def _open(shape: Sequence[int | None]) -> list[int | str]:
    """Return the shape of an end of the graph, with names for sizes that are not known."""
    names = {4: ("height", "width"), 5: ("depth", "height", "width")}[len(shape)]
    return ["batch", *(size or name for size, name in zip(shape[1:-1], names)), shape[-1]]
