"""The notebook of examples/: every cell runs, in order; it is small, and says nothing of the machine it ran on."""

import csv
import json
import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "examples" / "first_steps.ipynb"
LARGEST_BYTES = 300_000
# The constants of the first cell of code, for a training of seconds.
SMALL = {
    "CASES": 8,
    "SHAPE": (48, 48, 31),
    "CHANGES": [
        "train.epochs=1", "train.steps_per_epoch=2", "train.batch_size=8", "data.crop=[48,48,16]",
        "data.patch=[1,32,32]", "model.filters=[4,4,8,8]", "critic.filters=[4,4,8]",
    ],
}  # fmt: skip


def cells() -> list[str]:
    """Return the code of the notebook, cell by cell."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def play(folder: Path, monkeypatch, **constants) -> tuple[dict, list]:
    """Run all cells in a folder; return their names and the figures that they have shown."""
    figures, names = [], {"__name__": "notebook"}
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the command of the notebook is a process of its own
    matplotlib.use("Agg")
    monkeypatch.setattr(pyplot, "show", lambda: figures.append(pyplot.gcf()))
    for number, code in enumerate(cells()):
        exec(compile(code, f"{NOTEBOOK.name}, cell {number}", "exec"), names)
        if number == 0:
            assert set(constants) <= set(names)
            names.update(constants)
    return names, figures


@pytest.mark.slow
def test_every_cell_runs(tmp_path, monkeypatch):
    names, figures = play(tmp_path, monkeypatch, **SMALL)
    run = tmp_path / "first_steps" / "runs" / "segan" / "flair"
    with (run / "metrics.csv").open(encoding="utf-8") as file:
        scores = {row["case"]: float(row["dice"]) for row in csv.DictReader(file)}
    assert len(scores) == 3
    for case, (scan, truth, probability, found) in names["results"].items():
        assert scan.labels.shape == truth.shape == probability.shape == found.shape == SMALL["SHAPE"]
        assert names["metrics"].dice(truth, found) == scores.pop(case)
    assert not scores
    assert [len(figure.axes) for figure in figures] == [4, 6]  # four modalities; mask and probability of three patients
    assert all("SYNTHETIC" in figure.get_suptitle() for figure in figures)
    assert [path.name for path in tmp_path.iterdir()] == ["first_steps"]
    pyplot.close("all")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_it_finds_the_tumours_as_it_stands(tmp_path, monkeypatch):
    names, _ = play(tmp_path, monkeypatch)
    pyplot.close("all")
    dice = [names["metrics"].dice(truth, found) for _, truth, _, found in names["results"].values()]
    assert np.mean(dice) > 0.5


def test_it_is_small_and_names_no_folder_of_a_machine():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST_BYTES
    said = re.sub(r'"image/png": "[^"]*"', "", text)
    assert re.findall(r"(?<![\w.:/])/(?:home|root|tmp|var|work|usr|opt|Users|private)\b", said) == []
    assert '"output_type": "error"' not in text
