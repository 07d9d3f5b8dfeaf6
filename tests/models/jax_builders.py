"""What a process with Keras' JAX backend and without TensorFlow builds: python jax_builders.py FOLDER.

See test_jax_builders.py.
"""

import json
import sys
from pathlib import Path

sys.modules["tensorflow"] = None  # to import it is an error from here on

import keras  # noqa: E402
import numpy as np  # noqa: E402

from segan_tl.config.model import ModelConfig  # noqa: E402
from segan_tl.models import build_model  # noqa: E402
from segan_tl.models.segan import build_critic  # noqa: E402


def main(folder: Path) -> None:
    """Build every network; let those whose weights are there answer."""
    assert keras.backend.backend() == "jax"
    families = json.loads((folder / "families.json").read_text(encoding="utf-8"))
    counts, answers = {"critic": build_critic((32, 32, 2), classes=3, filters=(4, 8)).count_params()}, {}
    for name, settings in families.items():
        network = build_model(ModelConfig.model_validate(settings), channels=2, classes=3)
        counts[name] = network.count_params()
        if (folder / f"{name}.npz").is_file():
            with np.load(folder / f"{name}.npz") as file:
                network.set_weights([file[f"weight{i}"] for i in range(len(network.weights))])
                answers[name] = answer(network, file["image"])
    (folder / "counts.json").write_text(json.dumps(counts), encoding="utf-8")
    np.savez(folder / "jax.npz", **answers)


def answer(network: keras.Model, image: np.ndarray) -> np.ndarray:
    """Return what a network makes of images, its outputs one behind the other."""
    outputs = network(image, training=False)
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    return np.concatenate([np.asarray(keras.ops.convert_to_numpy(output), "float32").ravel() for output in outputs])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
