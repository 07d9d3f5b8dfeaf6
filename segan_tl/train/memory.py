"""What a training needs of memory, read from the graph of its step: nothing is run.

A step holds what its backward pass will need until it has needed it. So the operations are gone through in their order,
each result lives from the one that makes it to the last one that reads it, and the most that lives at one time counts.
Aliases hold nothing; an operation on each element for itself writes into an input that nobody reads after it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from segan_tl.config.schema import Config
from segan_tl.models.precision import precision_of
from segan_tl.train.recipes import build_training

# Measured: what TensorFlow keeps of an operation, its kernels and its copies of the graph (benchmarks/memory_table.py).
BYTES_OF_AN_OPERATION = 30_000
ALIASES = {
    "Reshape", "Identity", "IdentityN", "Squeeze", "ExpandDims", "StopGradient", "PreventGradient",
}  # fmt: skip
IN_PLACE = {
    "Abs", "Add", "AddN", "AddV2", "BiasAdd", "DivNoNan", "Erf", "Erfc", "Exp", "LeakyRelu", "LeakyReluGrad", "Log",
    "Log1p", "Maximum", "Minimum", "Mul", "Neg", "Pow", "RealDiv", "Relu", "ReluGrad", "Rsqrt", "RsqrtGrad", "Select",
    "SelectV2", "Sigmoid", "SigmoidGrad", "Sign", "Softplus", "SoftplusGrad", "Sqrt", "SqrtGrad", "Square",
    "SquaredDifference", "Sub", "Tanh", "TanhGrad",
}  # fmt: skip
# Of the variables, whose memory is counted by itself.
READS = {"ReadVariableOp", "Placeholder"}
NO_BYTES = (tf.resource, tf.variant, tf.string)


@dataclass(frozen=True)
class Operation:
    """One operation, as far as memory goes.

    Attributes:
        name: of it.
        reads: names of the results that it reads.
        makes: name → bytes of each of its results.
        alias_of: result → the earlier one that it is another view of.
        in_place: whether its one result may take the place of an input of as many bytes.
        inside_bytes: what it needs while it runs, and frees.
    """

    name: str
    reads: tuple[str, ...]
    makes: dict[str, int]
    alias_of: dict[str, str] = field(default_factory=dict)
    in_place: bool = False
    inside_bytes: int = 0


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes of a training, by what they are for.

    Attributes:
        parameters: number of values of all networks.
        weights: of all networks and of the running average.
        optimizers: what the optimizers keep.
        step: most that lives at one time within a step: features, gradients.
        graph: what TensorFlow keeps of the step's operations.
        at: the operation at which most lives.
    """

    parameters: int
    weights: int
    optimizers: int
    step: int
    graph: int
    at: str

    @property
    def total(self) -> int:
        """Return the sum, without TensorFlow itself."""
        return self.weights + self.optimizers + self.step + self.graph


def estimate_memory(config: Config) -> TrainingMemory:
    """Return what a training on one device needs, batch and data beside it; its networks are built, nothing is run.

    Args:
        config: the configuration; what a teacher adds is left out.
    """
    with precision_of(config.train.precision):
        game = build_training(config, replicas=1, steps=config.train.steps_per_epoch or 1)
        graph = tf.function(game.step).get_concrete_function(batch_spec(config)).graph
    step, at = most_at_a_time(operations_of(graph))
    networks = sum(_size(weight) for network in game.networks.values() for weight in network.weights)
    average = sum(_size(value) for value in game.average.variables().values())
    optimizers = sum(_size(value) for optimizer in game.optimizers.values() for value in optimizer.variables)
    values = sum(network.count_params() for network in game.networks.values())
    return TrainingMemory(values, networks + average, optimizers, step, _count(graph) * BYTES_OF_AN_OPERATION, at)


def batch_spec(config: Config) -> dict[str, tf.TensorSpec]:
    """Return what a batch of a configuration is, float32, as `batches.make_patches` makes it.

    "image" (B, …, M) and "mask" (B, …, R); for a domain classifier "domain" (B,), with subsets of modalities "present"
    (B, M).
    """
    data, batch = config.data, config.train.examples_per_step
    grid = (batch, *(data.patch[1:] if data.patch[0] == 1 else data.patch))
    modalities = len(data.modalities)
    spec = {"image": (*grid, modalities * data.slices), "mask": (*grid, len(data.regions))}
    spec |= {"domain": (batch,)} if config.adversary else {}
    spec |= {"present": (batch, modalities)} if data.any_subset else {}
    return {name: tf.TensorSpec(shape, tf.float32) for name, shape in spec.items()}


def most_at_a_time(operations: Iterable[Operation]) -> tuple[int, str]:
    """Return the most bytes that live at one time, and the name of the operation that runs then.

    An operation's results live beside its inputs. What nobody reads is gone after its own operation.
    """
    operations = list(operations)
    root, last = {}, {}
    for i, operation in enumerate(operations):
        for name in operation.makes:
            root[name] = root.get(operation.alias_of.get(name), operation.alias_of.get(name, name))
            last[root[name]] = i
        for name in operation.reads:
            last[root.get(name, name)] = i
    ends: dict[int, list[str]] = {}
    for name, i in last.items():
        ends.setdefault(i, []).append(name)

    alive, total, most, at = {}, 0, 0, ""
    for i, operation in enumerate(operations):
        made = {name: size for name, size in operation.makes.items() if root[name] == name}
        dying = [name for name in ends.get(i, ()) if name in alive]
        if operation.in_place and len(made) == 1:
            (size,) = made.values()
            place = next((name for name in dying if alive[name] == size), None)
            total -= alive.pop(place, 0)
        alive |= made
        total += sum(made.values())
        if total + operation.inside_bytes > most:
            most, at = total + operation.inside_bytes, operation.name
        total -= sum(alive.pop(name, 0) for name in ends.get(i, ()))
    return most, at


def operations_of(graph) -> list[Operation]:
    """Return the operations of a graph in the order in which they were traced, forward pass first."""
    return [_describe(operation, graph) for operation in graph.get_operations()]


def _describe(operation, graph) -> Operation:
    kind, inputs = operation.type, list(operation.inputs)
    made = {tensor.name: 0 if kind in READS else _bytes(tensor) for tensor in operation.outputs}
    views = zip(made, inputs, strict=False) if kind in ALIASES else ()
    inside = sum(most_at_a_time(operations_of(called))[0] for called in _called(operation, graph))
    if kind.startswith(("Conv2D", "Conv3D")):  # images in blocks of channels, as oneDNN reads and writes them
        inside += sum(map(_bytes, inputs)) + sum(made.values())
    return Operation(
        operation.name, tuple(tensor.name for tensor in inputs), made, {name: tensor.name for name, tensor in views},
        in_place=kind in IN_PLACE, inside_bytes=inside,
    )  # fmt: skip


def _called(operation, graph) -> list:
    """Return the graphs of the function that an operation calls; of alternatives all are there."""
    names = [value.func.name for value in operation.node_def.attr.values() if value.HasField("func")]
    found = [graph._functions.get(name) or graph._functions.get(name.encode()) for name in names]
    return [function.graph for function in found if getattr(function, "graph", None) is not None]


def _count(graph) -> int:
    operations = graph.get_operations()
    return len(operations) + sum(_count(called) for one in operations for called in _called(one, graph))


def _bytes(tensor) -> int:
    """Return the bytes of a tensor; 0 where its shape is known when it is there only, which none of size is here."""
    if tensor.dtype in NO_BYTES or not tensor.shape.is_fully_defined():
        return 0
    return int(np.prod(tensor.shape.as_list(), dtype=np.int64)) * tensor.dtype.size


def _size(variable) -> int:
    return int(np.prod(variable.shape)) * tf.as_dtype(variable.dtype).size
