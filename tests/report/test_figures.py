"""Pictures: which cases and slices are chosen, and that a file comes out."""

import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from segan_tl.errors import UserError
from segan_tl.report.curves import COLOURS, divide_history
from segan_tl.report.figures import _lines, choose_panels, cut_panel, plot_curves, plot_overlays, read_history
from segan_tl.report.html.charts import line_chart
from segan_tl.report.shown import shown_modality
from tests.small_runs import make_run, small_config, threshold_segmentor


def panel(case_id="case", dice=0.5, truth_slice=2, prediction_slice=3, spacing_mm=(1.0, 1.0, 1.0)):
    truth, prediction = np.zeros((12, 10, 6, 1), bool), np.zeros((12, 10, 6, 1), bool)
    if truth_slice is not None:
        truth[2:7, 3:8, truth_slice] = True
        truth[3:5, 3:5, 0] = True
    if prediction_slice is not None:
        prediction[4:9, 3:8, prediction_slice] = True
    image = np.arange(720, dtype=np.float32).reshape(12, 10, 6)
    return cut_panel(case_id, image, truth, prediction=prediction, scores={"wt": dice}, spacing_mm=spacing_mm)


@pytest.mark.parametrize(("truth", "prediction", "expected"), [(2, 3, 2), (None, 4, 4), (None, None, 3)])
def test_slice_with_the_largest_truth_is_cut(truth, prediction, expected):
    assert panel(truth_slice=truth, prediction_slice=prediction).slice_index == expected


def test_panel_is_stretched_to_grey_and_keeps_its_proportions():
    cut = panel(spacing_mm=(1.0, 2.5, 5.0))
    assert cut.image.dtype == np.uint8 and (cut.image.min(), cut.image.max()) == (0, 255)
    assert cut.aspect == 2.5 and cut.truth.shape == (12, 10, 1) and cut.truth.sum() == 25


def test_empty_margin_is_cut_off_but_no_mask():
    image = np.zeros((40, 40, 3), np.float32)
    image[10:20, 12:30] = 5
    truth = np.zeros((40, 40, 3, 1), bool)
    prediction = truth.copy()
    truth[15:18, 15:18, 1] = True
    prediction[30, 20, 1] = True
    cut = cut_panel("case", image, truth, prediction=prediction, scores={"wt": 0.5}, spacing_mm=(1, 1, 1))
    # rows 10 to 30 and columns 12 to 29, each with 4 around: 21 + 8 and 18 + 8
    assert cut.image.shape == (29, 26) and (cut.truth.sum(), cut.prediction.sum()) == (9, 1)
    assert cut.truth[9:12, 7:10].all()  # 15 - 10 + 4, 15 - 12 + 4


def test_best_median_and_worst_are_chosen_by_dice():
    panels = [panel(str(score), score) for score in (0.3, 0.9, 0.7, 0.1, 0.5)]
    assert [(role, chosen.dice) for role, chosen in choose_panels(panels)] == [
        ("best", 0.9),
        ("median", 0.5),
        ("worst", 0.1),
    ]


def test_few_cases_give_fewer_panels():
    assert [role for role, _ in choose_panels([panel(dice=0.4), panel(dice=0.6)])] == ["best", "worst"]
    assert [role for role, _ in choose_panels([panel()])] == ["only"]
    assert choose_panels([]) == []


def test_cases_with_nothing_to_find_are_not_the_best():
    panels = [panel("empty", 1.0, truth_slice=None, prediction_slice=None), panel("a", 0.8), panel("b", 0.2)]
    assert [chosen.case_id for _, chosen in choose_panels(panels)] == ["a", "b"]
    assert [chosen.case_id for _, chosen in choose_panels(panels[:1])] == ["empty"]


def test_overlays_show_both_colours_on_black(tmp_path):
    path = tmp_path / "overlays.png"
    plot_overlays(
        choose_panels([panel("a", 0.8), panel("b", 0.2)]), path, name="small/flair", modality="flair", synthetic=True
    )
    pixels = np.round(imread(path)[..., :3] * 255).astype(int).reshape(-1, 3)
    for colour in ((0x56, 0xB4, 0xE9), (0xE6, 0x9F, 0x00)):
        assert (np.abs(pixels - colour).max(axis=1) < 8).sum() > 50
    assert (pixels[0] == 0x11).all()
    assert list(tmp_path.iterdir()) == [path]  # no temporary file stays


def test_curves_are_drawn(tmp_path):
    run = make_run(tmp_path / "runs" / "flair", small_config(), segmentor=threshold_segmentor(1))
    plot_curves(run)
    assert run.curves.read_bytes().startswith(b"\x89PNG")


def test_both_pictures_of_the_losses_show_the_same_series_in_the_same_colours():
    columns = ("epoch", "seconds", "loss_segmentor", "loss_critic", "l1", "dice_loss", "dice_wt", "dice_tc", "dice")
    history = {name: np.arange(3.0) for name in columns}
    losses, scores = divide_history(history)
    assert list(losses) == ["loss segmentor", "loss critic", "l1", "dice loss"]
    assert list(scores) == ["WT", "TC", "mean of the regions"]
    chart = line_chart({name: (history["epoch"], values) for name, values in losses.items()}, title="")
    figure = Figure()
    _lines(figure.subplots(), history["epoch"], losses)
    drawn = [line.get_color() for line in figure.axes[0].lines]
    assert drawn == re.findall(r'<polyline fill="none" stroke="(#\w+)"', chart) == list(COLOURS[:4])
    _, alone = divide_history({name: values for name, values in history.items() if name != "dice_tc"})
    assert list(alone) == ["WT"]  # one region: the mean is the same line


def test_a_picture_shows_the_modality_in_which_the_region_stands_out():
    four = ("t1", "t1c", "t2", "flair")
    found = [shown_modality(four, regions) for regions in (("wt", "tc"), ("et",), ("ncr", "ed"), ("lesion",), ("rc",))]
    assert found == ["flair", "t1c", "t1c", "flair", "t1"]
    assert shown_modality(("t2",), ("wt",)) == "t2"


def test_history_without_validation_in_every_epoch(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,l1,dice\n1,0.5,\n2,0.25,0.75\n")
    history = read_history(path)
    assert history["epoch"].tolist() == [1, 2] and history["l1"].tolist() == [0.5, 0.25]
    assert np.isnan(history["dice"][0]) and history["dice"][1] == 0.75


@pytest.mark.parametrize(
    ("text", "message"), [(None, "missing"), ("epoch,l1\n", "no epoch"), ("epoch\none\n", "damaged")]
)
def test_history_that_cannot_be_drawn(tmp_path, text, message):
    path = tmp_path / "history.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_history(path)


@pytest.mark.parametrize("name", ["a$\\q$", "$", "x_{$y$}"])
def test_a_name_is_no_formula(tmp_path, name):
    path = tmp_path / "overlays.png"
    plot_overlays([("only", panel(name))], path, name=name, modality="flair", synthetic=False)
    assert imread(path).ndim == 3
