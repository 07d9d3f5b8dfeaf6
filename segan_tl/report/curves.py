"""What the learning curves of curves.png and of report.html show: the same series, names and colours."""

import numpy as np

# Okabe and Ito's palette: told apart with every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#555555")


def divide_history(history: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the training losses and the validation scores of history.csv, each by the name to show."""
    losses = {name: values for name, values in history.items() if "loss" in name or name == "l1"}
    scores = {name: values for name, values in history.items() if name == "dice" or name.startswith("dice_")}
    scores.pop("dice_loss", None)
    if len(scores) == 2:  # one region: the mean is the same line
        scores.pop("dice", None)
    return tuple({_shown(name): values for name, values in part.items()} for part in (losses, scores))


def _shown(name: str) -> str:
    if name == "dice":
        return "mean of the regions"
    return name[5:].upper() if name.startswith("dice_") and name != "dice_loss" else name.replace("_", " ")
