"""What a process with Keras' JAX backend makes of saved networks: python jax_answers.py FOLDER; see test_jax.py."""

import json
import sys
from pathlib import Path

import keras
import numpy as np


def answer(folder: Path, name: str) -> np.ndarray:
    """Open a network and give it its inputs; several outputs are laid one behind the other."""
    with np.load(folder / f"{name}.npz") as file:
        inputs = dict(file)
    network = keras.models.load_model(folder / f"{name}.keras")
    outputs = network.predict_on_batch(inputs if len(inputs) > 1 else next(iter(inputs.values())))
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return np.concatenate([np.asarray(output, "float32").ravel() for output in outputs])


def losses(folder: Path) -> dict:
    """Return every loss of the module, with and without its options, of one pair."""
    from segan_tl import losses

    with np.load(folder / "losses.npz") as file:
        truth, logits = file["truth"], file["logits"]
    probability = keras.ops.sigmoid(logits)
    found = {
        "multi_scale_l1": losses.multi_scale_l1([truth, truth[:, ::2]], [probability, probability[:, ::2]]),
        "dice_loss": losses.dice_loss(truth, probability),
        "soft_dice_loss": losses.soft_dice_loss(truth, probability, batch=True),
        "binary_cross_entropy": losses.binary_cross_entropy(truth, logits, positive_weights=(2.0, 3.0)),
        "cross_entropy": losses.cross_entropy(truth, logits, class_weights=(1.0, 2.0)),
        "mean_squared_error": losses.mean_squared_error(truth, probability),
    }
    return {name: np.asarray(value) for name, value in found.items()}


def main(folder: Path) -> None:
    """Answer for all networks: those of stock layers before anything of segan_tl is imported."""
    assert keras.backend.backend() == "jax"
    names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
    answers = {name: answer(folder, name) for name in names["stock"]}
    assert "segan_tl" not in sys.modules
    import segan_tl.models.weights  # noqa: F401  the layers of our own are known to Keras from here on

    answers |= {name: answer(folder, name) for name in names["own"]} | losses(folder)
    assert "tensorflow" not in sys.modules
    np.savez(folder / "jax.npz", **answers)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
