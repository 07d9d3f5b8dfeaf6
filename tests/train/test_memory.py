"""The memory of a training step: by hand, and beside graphs whose parts are known."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.config.load import load_config, revise_config
from segan_tl.train.memory import Operation, batch_spec, estimate_memory, most_at_a_time, operations_of

MIB = 2**20


def test_a_result_lives_until_it_was_read_last():
    # a 10, b 20 and c 5 live while c is made: 35; then a is gone, and d comes beside b and c: 20 + 5 + 7 = 32.
    operations = [
        Operation("a", (), {"a": 10}),
        Operation("b", (), {"b": 20}),
        Operation("c", ("a",), {"c": 5}),
        Operation("d", ("b", "c"), {"d": 7}),
    ]
    assert most_at_a_time(operations) == (35, "c")


def test_what_nobody_reads_is_gone_after_its_own_operation():
    operations = [Operation("a", (), {"a": 10, "unread": 90}), Operation("b", ("a",), {"b": 20})]
    assert most_at_a_time(operations) == (100, "a")


def test_another_view_holds_nothing_and_keeps_what_it_views():
    operations = [
        Operation("a", (), {"a": 10}),
        Operation("view", ("a",), {"v": 10}, alias_of={"v": "a"}),
        Operation("view of it", ("v",), {"w": 10}, alias_of={"w": "v"}),
        Operation("b", (), {"b": 4}),  # 10 + 4: a lives, for w is read below
        Operation("c", ("w", "b"), {"c": 1}),  # 10 + 4 + 1
    ]
    assert most_at_a_time(operations) == (15, "c")


def test_an_operation_on_each_element_takes_the_place_of_an_input_that_nobody_reads_after_it():
    def chain(*, last_reads):
        return [
            Operation("a", (), {"a": 10}),
            Operation("relu", ("a",), {"r": 10}, in_place=True),
            Operation("end", last_reads, {"e": 1}),
        ]

    assert most_at_a_time(chain(last_reads=("r",))) == (11, "end")
    assert most_at_a_time(chain(last_reads=("r", "a"))) == (21, "end")  # both are needed


def test_what_an_operation_needs_inside_counts_while_it_runs_only():
    operations = [Operation("a", (), {"a": 10}, inside_bytes=100), Operation("b", ("a",), {"b": 50})]
    assert most_at_a_time(operations) == (110, "a")


def test_a_graph_of_tensorflow():
    @tf.function
    def product(image):
        first = tf.matmul(image, image)  # MiB: image 4, first 4
        second = tf.nn.relu(first)  # in its place
        return tf.reduce_sum(tf.matmul(second, image))  # 4 + 4 + 4

    graph = product.get_concrete_function(tf.TensorSpec((1024, 1024), tf.float32)).graph
    most, at = most_at_a_time(operations_of(graph))
    # The image is a placeholder, whose memory is the caller's.
    assert most == 8 * MIB and "MatMul" in at


def test_a_function_counts_while_it_is_called():
    @tf.function(autograph=False, experimental_attributes={"_noinline": True})
    def inner(image):
        return tf.reduce_sum(tf.matmul(image, image) @ image)  # 4, then 8 MiB

    @tf.function
    def outer(image):
        return inner(image) + 1.0

    graph = outer.get_concrete_function(tf.TensorSpec((1024, 1024), tf.float32)).graph
    assert most_at_a_time(operations_of(graph))[0] == pytest.approx(8 * MIB, abs=100)


@pytest.fixture(scope="module")
def small():
    return load_config("nnunet_small", ["data.patch=[16,16,16]", "model.filters=[4,8]", "model.blocks=[1,1]",
                                        "model.decoder_blocks=[1]"])


def test_a_batch_is_what_the_configuration_says(small):
    spec = batch_spec(small)
    assert spec["image"].shape == (2, 16, 16, 16, 4) and spec["mask"].shape == (2, 16, 16, 16, 3)
    slices = batch_spec(load_config("segan_cpu"))
    assert slices["image"].shape[1:] == (*load_config("segan_cpu").data.patch[1:], 1)


def test_a_training_is_counted_by_what_it_is_for(small):
    before = keras.config.dtype_policy().name
    found = estimate_memory(small)
    assert keras.config.dtype_policy().name == before
    # SGD with momentum: a value beside each weight; and the running average once more.
    assert found.optimizers == pytest.approx(4 * found.parameters, rel=0.01)
    assert found.weights == pytest.approx(2 * 4 * found.parameters, rel=0.01)
    larger = estimate_memory(small.model_copy(update={"train": small.train.model_copy(update={"batch_size": 8})}))
    assert larger.weights == found.weights and larger.step > 2 * found.step
    features = 2 * np.prod([16, 16, 16]) * 4 * 4  # of one layer of the first stage, float32
    assert found.step > 4 * features / 2  # bfloat16 or not: there are several of them
    assert found.total == found.weights + found.optimizers + found.step + found.graph


def test_checkpointing_and_parts_are_counted(small):
    """Parts of a batch, one after the other, need about what one of them needs; what is computed again is not held."""
    settings = ["data.patch=[32,32,32]", "model.filters=[8,16]", "train.batch_size=4"]
    whole = revise_config(small, settings)
    parts = revise_config(whole, ["train.batch_size=1", "train.accumulate=4"])
    again = revise_config(whole, ["train.checkpointing=true"])
    assert batch_spec(parts) == batch_spec(whole)
    step = estimate_memory(whole).step
    assert step / 4 < estimate_memory(parts).step < 0.5 * step
    assert estimate_memory(again).step < 0.75 * step
