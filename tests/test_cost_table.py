"""The benchmark of costs: multiplications of convolutions, forward and backward, by hand."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from cost_table import multiplications_of  # noqa: E402


def counted(compute, *shapes) -> dict[str, int]:
    """Return kind of operation → multiplications, of the graph of a function."""
    import tensorflow as tf

    graph = tf.function(compute).get_concrete_function(*(tf.TensorSpec(shape) for shape in shapes)).graph
    kinds = {}
    for operation in graph.get_operations():
        if found := multiplications_of(operation):
            kinds[operation.type] = kinds.get(operation.type, 0) + found
    return kinds


def test_a_convolution_and_its_gradients():
    import tensorflow as tf

    def compute(volume, kernel):
        with tf.GradientTape() as tape:
            tape.watch([volume, kernel])
            answer = tf.nn.conv3d(volume, kernel, strides=[1] * 5, padding="SAME")
        return tape.gradient(answer, [volume, kernel])

    # 2 × 4 × 5 × 6 voxels of 7 channels, each the sum of 3³ × 3 products; as many again for each gradient.
    once = 2 * 4 * 5 * 6 * 7 * 27 * 3
    found = counted(compute, (2, 4, 5, 6, 3), (3, 3, 3, 3, 7))
    assert sorted(found.values()) == [once] * 3 and all(kind.startswith("Conv3D") for kind in found)


def test_a_stride_a_transposed_and_a_depthwise_one():
    import tensorflow as tf

    halved = counted(lambda x, k: tf.nn.conv2d(x, k, strides=2, padding="SAME"), (1, 8, 8, 3), (3, 3, 3, 5))
    assert halved == {"Conv2D": 4 * 4 * 5 * 9 * 3}
    # Each of 4 × 4 voxels of 5 channels goes into 2 × 2 × 3 sums.
    doubled = counted(
        lambda x, k: tf.nn.conv2d_transpose(x, k, (1, 8, 8, 3), strides=2), (1, 4, 4, 5), (2, 2, 3, 5)
    )  # fmt: skip
    assert doubled == {"Conv2DBackpropInput": 4 * 4 * 5 * 4 * 3}
    alone = counted(lambda x, k: tf.nn.depthwise_conv2d(x, k, [1] * 4, "SAME"), (1, 8, 8, 3), (3, 3, 3, 1))
    assert alone == {"DepthwiseConv2dNative": 8 * 8 * 3 * 9}


@pytest.mark.parametrize("transposed", [False, True])
def test_a_matrix_product(transposed):
    import tensorflow as tf

    shape = (4, 2) if transposed else (2, 4)
    found = counted(lambda a, b: tf.matmul(a, b, transpose_a=transposed), shape, (4, 3))
    assert found == {"MatMul": 2 * 4 * 3}
