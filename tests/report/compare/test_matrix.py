"""The matrix and the votes on cases whose Dice is worked out by hand."""

import csv
from pathlib import Path

import numpy as np
import pytest

from segan_tl.config.load import validate
from segan_tl.data.find.cases import find_cases
from segan_tl.errors import UserError
from segan_tl.metrics.overlap import dice
from segan_tl.predict.voters import count_votes, load_members
from segan_tl.predict.members import open_members
from segan_tl.report.compare.matrix import CELL, SUBSET, by_number, score_matrix, subsets, summarise, write_rows
from tests.small_runs import make_run, small_config, small_labels, threshold_segmentor, write_case


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Three models that mark what is bright (the whole tumour in FLAIR, its core in T2), on two cases."""
    root = tmp_path_factory.mktemp("matrix")
    for modality, weight in (("t1c", 0.2), ("t2", 0.5), ("flair", 0.9)):
        make_run(root / "runs" / "small" / modality, small_config((modality,)), best_dice=weight)
    for number, radius in ((1, 5.0), (2, 4.0)):
        write_case(root / "cohort", f"BraTS2021_0000{number}", small_labels(radius))
    members = open_members(["small/t1c", "small/t2", "small/flair"], runs=root / "runs")
    models, _ = load_members(members)
    lines = []
    cases = find_cases(root / "cohort").cases
    modalities = ("t1c", "t2", "flair")
    scores = score_matrix(members, models, cases, modalities=modalities, voting=True, advance=lines.append)
    return scores, lines


def found(rows, **wanted):
    (row,) = (row for row in rows if all(row[key] == value for key, value in wanted.items()))
    return row["dice"]


def truth_against(*labels, radius=5.0):
    """Return the Dice of the whole tumour against the part of it that has these labels: 2 |P| / (|T| + |P|)."""
    tumour = small_labels(radius)
    part = np.isin(tumour, labels).sum()
    return 2 * part / ((tumour > 0).sum() + part)


def test_every_model_on_every_modality(scored):
    cells, _, failed, seconds = scored[0]
    assert len(cells) == 3 * 3 * 2 and failed == {} and {len(taken) for taken in seconds.values()} == {2}
    # The segmentor is a threshold: what is bright in the image is found, whatever the model was trained on.
    shows = {"flair": (1, 2, 4), "t2": (1, 4), "t1c": (4,)}
    for case, radius in (("BraTS2021_00001", 5.0), ("BraTS2021_00002", 4.0)):
        for trained_on in shows:
            for modality, labels in shows.items():
                value = found(cells, trained_on=trained_on, modality=modality, case=case)
                assert value == pytest.approx(truth_against(*labels, radius=radius))


def test_votes_by_hand(scored):
    votes = scored[0].votes
    assert len(votes) == 7 * 2 * 2
    of = {"case": "BraTS2021_00001", "region": "wt"}
    whole, core, enhancing = truth_against(1, 2, 4), truth_against(1, 4), truth_against(4)
    assert whole == 1
    # alone: the model's own mask
    for rule in ("majority", "weighted"):
        assert found(votes, modalities="t2", rule=rule, **of) == pytest.approx(core)
    # two: 1 of 2 where FLAIR alone is bright; its probability is 1 (sigmoid(20), float32), so the mean is at least 0.5
    assert found(votes, modalities="t2+flair", rule="majority", **of) == 1
    # weighted 0.5 against 0.9: FLAIR decides
    assert found(votes, modalities="t2+flair", rule="weighted", **of) == 1
    # three, majority: 2 of 3 in the core alone; weighted 0.2 + 0.5 against 0.9: FLAIR decides
    assert found(votes, modalities="t1c+t2+flair", rule="majority", **of) == pytest.approx(core)
    assert found(votes, modalities="t1c+t2+flair", rule="weighted", **of) == 1
    assert found(votes, modalities="t1c+t2", rule="weighted", **of) == pytest.approx(core)
    assert found(votes, modalities="t1c", rule="weighted", **of) == pytest.approx(enhancing)


def test_a_line_a_case(scored):
    assert [line.split()[0] for line in scored[1]] == ["BraTS2021_00001", "BraTS2021_00002"]


def test_components_are_dropped_from_the_voted_mask(tmp_path):
    """The masks that vote keep their small components; only the result loses them."""
    settings = {"smallest_component": 0.5}
    make_run(tmp_path / "a" / "t2", small_config(("t2",), **settings))
    make_run(tmp_path / "a" / "flair", small_config(("flair",), **settings))
    make_run(tmp_path / "a" / "t1", small_config(("t1",), **settings))
    voters = open_members([tmp_path / "a" / name for name in ("t2", "flair", "t1")])
    left, middle, right = (np.zeros((12, 1, 1, 1)) for _ in range(3))
    left[0:3] = 0.9  # three voxels in one model …
    left[8:9] = 0.9
    middle[2:3] = 0.9  # … of which another sees one: in its own mask that is the small component
    middle[6:10] = 0.9
    right[5:6] = 0.9
    # votes: voxel 2 has two of three, voxel 8 two of three; both are components of one voxel and stay
    voted = count_votes([left, middle, right], voters=voters, rule="majority")
    assert np.flatnonzero(voted).tolist() == [2, 8]
    left[9:10] = right[7:8] = 0.9
    # now 2, 7, 8, 9: the single voxel is less than half of the three
    voted = count_votes([left, middle, right], voters=voters, rule="majority")
    assert np.flatnonzero(voted).tolist() == [7, 8, 9]


def test_each_model_sees_the_image_as_it_was_trained_to(tmp_path):
    """A crop of its own: what lies outside is not found."""
    labels = small_labels(4.0)
    write_case(tmp_path / "cohort", "BraTS2021_00001", labels)
    small = small_config(("t2",)).model_dump(mode="json")
    small["data"]["crop"] = (20, 18, 2)
    make_run(tmp_path / "r" / "t2", validate(small, source="the test"))
    make_run(tmp_path / "r" / "flair", small_config(("flair",)))
    members = open_members([tmp_path / "r" / "t2", tmp_path / "r" / "flair"])
    models, _ = load_members(members)
    cases = find_cases(tmp_path / "cohort").cases
    cells = score_matrix(
        members, models, cases, modalities=("t2", "flair"), voting=False, advance=lambda line: None
    ).cells
    cut = np.zeros(labels.shape, bool)
    cut[:, :, 4:6] = True
    assert found(cells, trained_on="t2", modality="flair") == pytest.approx(dice(labels > 0, (labels > 0) & cut))
    assert found(cells, trained_on="flair", modality="flair") == 1


def test_cases_that_cannot_be_read(tmp_path):
    make_run(tmp_path / "flair", small_config())
    place = write_case(tmp_path / "cohort", "BraTS2021_00001", small_labels())
    write_case(tmp_path / "cohort", "BraTS2021_00002", small_labels())
    broken = place / "BraTS2021_00001_flair.nii.gz"
    broken.write_bytes(broken.read_bytes()[:-30])
    members = open_members([tmp_path / "flair"])
    cases = find_cases(tmp_path / "cohort").cases
    options = {"modalities": ("flair",), "voting": True, "advance": lambda line: None}
    scores = score_matrix(members, [threshold_segmentor(1)], cases, **options)
    assert list(scores.failed) == ["BraTS2021_00001"] and {cell["case"] for cell in scores.cells} == {"BraTS2021_00002"}
    with pytest.raises(UserError, match="none of the 1 cases"):
        score_matrix(members, [threshold_segmentor(1)], cases[:1], **options)


def test_subsets():
    assert subsets(3) == [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    assert len(subsets(4)) == 15


def test_means_over_cases():
    rows = [
        dict(zip((*CELL, "dice"), ("a/t2", "t2", modality, "wt", value)))
        for modality, values in (("t2", (0.5, 1.0)), ("flair", (0.25,)))
        for value in values
    ]
    first, second = summarise(rows, CELL)
    # mean 3/4, deviations -1/4 and 1/4: variance 2/16 / 1
    assert (first["modality"], first["dice"], first["cases"]) == ("t2", 0.75, 2)
    assert first["std"] == pytest.approx(0.125**0.5)
    assert second == {
        "run": "a/t2", "trained_on": "t2", "modality": "flair", "region": "wt", "dice": 0.25, "std": None, "cases": 1,
    }  # fmt: skip


def test_by_number_of_modalities():
    values = (("t2", 1, 0.5), ("flair", 1, 0.8), ("t2+flair", 2, 0.9))
    rows = [dict(zip((*SUBSET, "dice"), (name, number, "majority", "wt", dice))) for name, number, dice in values]
    one, two = by_number(rows)
    assert (one.number, one.mean) == (1, pytest.approx(0.65))
    assert (one.best["modalities"], one.worst["modalities"]) == ("flair", "t2")
    assert (two.number, two.mean, two.best["dice"]) == (2, 0.9, 0.9)


def test_rows_are_written(tmp_path):
    path: Path = tmp_path / "new" / "rows.csv"
    write_rows(path, [{"a": "x", "dice": 1 / 3, "std": None, "more": 1}], columns=("a", "dice", "std"))
    with path.open() as file:
        assert list(csv.DictReader(file)) == [{"a": "x", "dice": "0.333333", "std": ""}]
