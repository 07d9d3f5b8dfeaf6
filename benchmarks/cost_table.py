"""What the published configurations would take on BraTS 2021, on paper: multiplications of a step, hours of one A100.

    python benchmarks/cost_table.py [--only nnunet mednext_l]

A training step is traced as `doctor` traces it, and the multiplications of its convolutions are counted, forward and
backward, critic included. Hours are steps × multiplications / rate, and the rate is that of a published training:

    dense convolutions      nnU-Net, "ResEnc presets" table: 250,000 steps of 2 × 128³ in 9 hours, A100, float16
    depthwise convolutions  the same table: MedNeXt-L of kernel 3 in 68 hours
    float32 (TF32)          NVIDIA's nnU-Net for TensorFlow 2, A100: 12 patches/s for 29.3, so 2.4 times as long

so a network is assumed to use a GPU as well as the one whose rate it is given. Waiting for data, validation and test
are not in it. The memory of a step is `doctor --config NAME`'s.
"""

import argparse
from dataclasses import dataclass

PUBLISHED_STEPS = 250_000
HOURS = {"nnunet": 9, "mednext_l": 68}
FLOAT32 = 29.3 / 12
TRAINING_CASES = round(1251 * 0.8)  # of a fold of five
SLICES_OF_A_CASE = 155
NAMES = (
    "nnunet", "mednext_s", "mednext_b", "mednext_m", "mednext_l", "segan_cat", "unet3d", "dann", "kaur", "albunet3d",
    "albunet2d",
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """Multiplications of a training step, and how many steps the configuration asks for."""

    multiplications: int
    steps: int
    note: str = ""


def count(name: str) -> Step:
    """Trace a step of a configuration; nothing is run."""
    import tensorflow as tf

    from segan_tl.config.load import load_config
    from segan_tl.train.memory import batch_spec
    from segan_tl.train.recipes import build_training

    config = load_config(name, [])
    game = build_training(config, replicas=1, steps=config.train.steps_per_epoch or 1)
    graph = tf.function(game.step).get_concrete_function(batch_spec(config)).graph
    graphs = [graph, *(function.graph for function in graph._functions.values() if hasattr(function, "graph"))]
    total = sum(multiplications_of(operation) for one in graphs for operation in one.get_operations())
    of_an_epoch, note = config.train.steps_per_epoch, ""
    if not of_an_epoch:
        slices = config.data.patch[0] == 1
        of_an_epoch = TRAINING_CASES * (SLICES_OF_A_CASE if slices else 1) // config.train.batch_size
    epochs = config.train.epochs
    if epochs > 1000:
        epochs, note = 1000, "1,000 epochs; it may take up to 100,000 and ends 500 after its best"
    return Step(total, epochs * of_an_epoch, note)


def multiplications_of(operation) -> int:
    """Return the multiplications of one operation of a graph: of convolutions and matrix products, else 0."""
    kind = operation.type
    if kind == "MatMul":
        rows = operation.inputs[0].shape[0 if operation.get_attr("transpose_a") else 1]
        return _size(operation.outputs[0]) * rows
    if not kind.startswith(("Conv2D", "Conv3D", "DepthwiseConv2d")):
        return 0
    grouped = kind.startswith("DepthwiseConv2d")
    if "BackpropFilter" in kind:
        voxels, kernel = operation.inputs[2], operation.outputs[0]
    elif "BackpropInput" in kind:
        voxels, kernel = operation.inputs[2], operation.inputs[1]
    else:
        voxels, kernel = operation.outputs[0], operation.inputs[1]
    window = kernel.shape[:-2] if grouped else kernel.shape[:-1]
    return _size(voxels) * window.num_elements()


def _size(tensor) -> int:
    return tensor.shape.num_elements()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="configurations")
    wanted = parser.parse_args().only

    from segan_tl.environment import settle

    settle()
    found = {name: count(name) for name in dict.fromkeys([*HOURS, *wanted])}
    seconds = {name: hours * 3600 / PUBLISHED_STEPS / found[name].multiplications for name, hours in HOURS.items()}
    print("| | 10¹² multiplications a step | steps | hours, float16 | hours, float32 |\n|---|---|---|---|---|")
    for name in wanted:
        step = found[name]
        rate = seconds["mednext_l" if name.startswith("mednext") else "nnunet"]
        hours = step.multiplications * step.steps * rate / 3600
        remark = f" ({step.note})" if step.note else ""
        print(
            f"| `{name}` | {step.multiplications / 1e12:.2f} | {step.steps:,}{remark} | {hours:.1f} "
            f"| {hours * FLOAT32:.1f} |"
        )


if __name__ == "__main__":
    main()
