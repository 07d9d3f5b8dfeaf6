"""Gradient checkpointing: a network keeps few of its features for the gradient, and computes the others again there.

The layers, in the order in which they are called, are cut into segments. What leaves a segment is kept; what lies
within one is forgotten after the forward pass and made again, from what enters it, when the gradient comes to it. So at
one time there are the tensors between segments and the inside of one [Chen 2016]. The same values, gradients and moving
statistics (updated once, in the forward pass), for about one forward pass more.

Each segment is called on the values that its variables had in the forward pass: the statistics of batch normalisation
and the state of a dropout's random numbers do not move in the second call, and its masks are those of the first.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import keras
import tensorflow as tf

LIMITS = 24  # sizes of the largest segment that are tried


class Recomputed:
    """What a model computes, with little kept for the gradient; for calling only.

    Args:
        model: functional model, whose variables are used and updated.
        grid: sizes of its inputs between batch and channels.
    """

    def __init__(self, model: keras.Model, *, grid: Sequence[int]):
        calls = []

        def call(layer, *arguments, **options):
            result = layer(*arguments, **options)
            calls.append((_tensors((arguments, options)), _tensors(result)))
            return result

        def with_grid(tensor):
            return keras.Input(batch_shape=(None, *grid, tensor.shape[-1]), dtype=tensor.dtype, name=tensor.name)

        inputs = keras.tree.map_structure(with_grid, model.input)
        self.model = keras.models.clone_model(
            model, input_tensors=inputs, clone_function=lambda layer: layer, call_function=call
        )
        read = [[id(tensor) for tensor in tensors] for tensors, _ in calls + [(self.model.outputs, [])]]
        made = [[id(tensor) for tensor in tensors] for _, tensors in calls]
        places = cut([sum(map(_bytes, tensors)) for _, tensors in calls], _last_readers(read, made))
        self.segments = [_Segment(calls, start, end, set(sum(read[end:], []))) for start, end in pairwise(places)]

    def __call__(self, inputs, *, training: bool = False):
        """Return what the model returns."""
        known = dict(zip(map(id, self.model.inputs), keras.tree.flatten(inputs), strict=True))
        for segment in self.segments:
            # The gradient of the last one comes at once: nothing is won by forgetting what is in it.
            run = segment.call if segment is self.segments[-1] else segment.call_twice
            results = run([known[id(tensor)] for tensor in segment.inputs], training)
            known |= zip(map(id, segment.outputs), results, strict=True)
        return keras.tree.map_structure(lambda tensor: known[id(tensor)], self.model.output)


def cut(made_bytes: Sequence[int], kept_until: Sequence[int]) -> list[int]:
    """Return where to cut a chain of calls, so that what is kept and the largest segment are least in sum.

    Args:
        made_bytes: of the results of each call.
        kept_until: of each call, the number of the last one that reads a result of it; the count of calls where it is
            a result of the model.

    Returns:
        The number of the first call of each segment, and the count of calls.
    """
    count, total = len(made_bytes), sum(made_bytes)
    best, found = math.inf, [0, count]
    for i in range(LIMITS + 1):
        limit = max(max(made_bytes, default=0), total / 2 ** (i / 4))
        kept, begins = [0.0] + [math.inf] * count, [0] * (count + 1)
        for end in range(1, count + 1):
            inside = leaves = 0
            for start in range(end - 1, -1, -1):
                inside += made_bytes[start]
                leaves += made_bytes[start] if kept_until[start] >= end else 0
                if inside > limit:
                    break
                if kept[start] + leaves < kept[end]:
                    kept[end], begins[end] = kept[start] + leaves, start
        if kept[count] + limit < best:
            best, found = kept[count] + limit, [count]
            while found[0]:
                found.insert(0, begins[found[0]])
    return found


class _Segment:
    """Consecutive calls of a model.

    Args:
        calls: of the whole model: tensors that are read, tensors that are made.
        start: number of the first one.
        end: number of the first one after it.
        read_later: id of what is read after it.
    """

    def __init__(self, calls: list, start: int, end: int, read_later: set[int]):
        made = {id(tensor): tensor for _, tensors in calls[start:end] for tensor in tensors}
        read = {id(tensor): tensor for tensors, _ in calls[start:end] for tensor in tensors}
        self.inputs = [tensor for key, tensor in read.items() if key not in made]
        self.outputs = [tensor for key, tensor in made.items() if key in read_later]
        self.model = keras.Model(self.inputs, self.outputs)

    def call(self, tensors: list, training: bool) -> list:
        """Return the outputs."""
        return keras.tree.flatten(self.model(tensors, training=training))

    def call_twice(self, tensors: list, training: bool) -> list:
        """Return the outputs, whose gradient computes them again."""
        # Asked at every call: what stands still may learn from a later epoch on.
        learning = [variable for variable in self.model.variables if variable.trainable]
        state = [variable for variable in self.model.variables if not variable.trainable]
        count, before = len(tensors), [tf.convert_to_tensor(variable) for variable in state]

        def call(given: Sequence) -> tuple[list, list]:
            values = [*zip(learning, given[count:], strict=True), *zip(state, before, strict=True)]
            with keras.StatelessScope(state_mapping=values) as scope:
                outputs = self.call(list(given[:count]), training)
            return outputs, [scope.get_current_value(variable) for variable in state]

        state_after = []

        @tf.custom_gradient
        def forward(*given):
            outputs, found = call(given)
            state_after.extend(found)

            def gradient(*changes):
                # Not before the gradient is here, or the forward pass would keep what it is to forget.
                with tf.control_dependencies(changes):
                    again = [tf.identity(value) for value in given]
                with tf.GradientTape() as tape:
                    tape.watch(again)
                    outputs, _ = call(again)
                return tape.gradient(outputs, again, output_gradients=list(changes), unconnected_gradients="zero")

            return outputs, gradient

        outputs = forward(*tensors, *(tf.convert_to_tensor(variable) for variable in learning))
        for variable, old, new in zip(state, before, state_after, strict=True):
            if new is not old:
                variable.assign(tf.stop_gradient(new))
        return keras.tree.flatten(outputs)


def _last_readers(read: list[list[int]], made: list[list[int]]) -> list[int]:
    """Return of each call the number of the last one that reads a result of it."""
    last = {tensor: i for i, tensors in enumerate(read) for tensor in tensors}
    return [max((last.get(tensor, i) for tensor in tensors), default=i) for i, tensors in enumerate(made)]


def _tensors(values) -> list[keras.KerasTensor]:
    return [value for value in keras.tree.flatten(values) if isinstance(value, keras.KerasTensor)]


def _bytes(tensor: keras.KerasTensor) -> int:
    """Return the bytes of one example of a tensor."""
    return math.prod(tensor.shape[1:]) * tf.as_dtype(tensor.dtype).size
