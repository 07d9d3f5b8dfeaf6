"""Training steps of benchmarks/jax_steps.py in a process without TensorFlow: python jax_training.py FOLDER.

See test_jax_steps.py.
"""

import json
import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"
sys.modules["tensorflow"] = None  # to import it is an error from here on
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import jax  # noqa: E402
import numpy as np  # noqa: E402
from jax_rows import Sizes  # noqa: E402
from jax_side import training_of  # noqa: E402
from jax_steps import build_critic_of, build_network, case_step, state_of  # noqa: E402

from segan_tl.config.schema import Config  # noqa: E402


def main(folder: Path) -> None:
    """Take the first weights, train some steps, write the losses and the weights; then segment a volume."""
    config = Config.model_validate(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    with np.load(folder / "first.npz") as file:
        first = dict(file)
    networks = {"segmentor": build_network(config)} | ({"critic": build_critic_of(config)} if config.critic else {})
    for name, network in networks.items():
        network.set_weights([first[f"{name}{i}"] for i in range(len(network.weights))])
    found = {}
    if "volume" in first:
        sizes = Sizes(config.data.patch, 1, first["volume"].shape[:3], 1, (0.5, 0.5, 0.5))
        step = jax.jit(case_step(networks["segmentor"], config, sizes, weights=first["tile"]))
        found["probability"] = np.asarray(step(state_of(networks["segmentor"]), first["volume"])[1])
    state, step = training_of(networks, config)
    losses = []
    for _ in range(int(first["steps"])):
        state, values = jax.jit(step)(state, first["image"], first["mask"])
        losses.append([float(value) for value in jax.tree.leaves(values)])
    weights = state["weights"] if config.critic else {"segmentor": state["weights"]}
    found |= {f"{name}{i}": np.asarray(value) for name in weights for i, value in enumerate(weights[name])}
    np.savez(folder / "jax.npz", losses=losses, **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
