"""Groups of alike tumours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from segan_tl.commands import radiomics
from segan_tl.errors import UserError
from segan_tl.radiomics.clusters import SCALINGS, fit, load, plot, save

COLUMNS = [f"feature{number}" for number in range(12)]
CASES = [f"case{number}" for number in range(30)]


def three_groups() -> np.ndarray:
    """Return 15, 9 and 6 cases about three places, features of different size, one of which does not vary."""
    random = np.random.default_rng(0)
    places = random.normal(0, 8, (3, 12))
    rows = np.repeat(places, (15, 9, 6), axis=0) + random.normal(size=(30, 12))
    rows *= np.logspace(0, 5, 12)
    rows[:, 3] = 7.0
    return rows


@pytest.fixture(scope="module")
def found():
    return fit(three_groups(), COLUMNS, seed=0)


def test_the_command_offers_all():
    assert radiomics.SCALINGS == tuple(SCALINGS)


def test_groups_are_found_the_largest_first(found):
    assert np.bincount(found.labels).tolist() == [15, 9, 6]
    assert found.labels.tolist() == [0] * 15 + [1] * 9 + [2] * 6
    assert max(found.silhouettes, key=found.silhouettes.get) == 3 and len(found.silhouettes) == 9
    assert found.explained.sum() >= 0.99 and found.explained[:-1].sum() < 0.99


def test_a_case_is_assigned_without_the_others(found):
    for row, label in zip(three_groups(), found.labels):
        features = dict(zip(COLUMNS, row)) | {"another": 1.0}
        assert found.clusters.assign(features) == label
    with pytest.raises(UserError, match="feature0 is missing"):
        found.clusters.assign({})


def test_the_authors_scaling_by_hand():
    # Length 1: (3, 4) and (6, 8) are one place, whatever their size; (4, 3) and (8, 6) another.
    rows = np.array([[3.0, 4], [6, 8], [4, 3], [8, 6], [3.0, 4.0]])
    found = fit(rows, ["a", "b"], scaling="l2")
    assert found.labels.tolist() == [0, 0, 1, 1, 0] and len(found.clusters.centres) == 2
    assert found.clusters.assign({"a": 30.0, "b": 40.0}) == 0
    np.testing.assert_allclose(found.clusters.mean, [(3 * 0.6 + 2 * 0.8) / 5, (3 * 0.8 + 2 * 0.6) / 5])


@pytest.mark.parametrize("scaling", SCALINGS)
def test_what_is_written_is_read_without_pickle(scaling, tmp_path):
    found = fit(three_groups(), COLUMNS, scaling=scaling)
    path = tmp_path / "groups.npz"
    save(path, found, cases=CASES, seed=0)
    again = load(path)
    assert again.columns == tuple(COLUMNS) and again.scaling == scaling
    assert [again.assign(dict(zip(COLUMNS, row))) for row in three_groups()] == found.labels.tolist()
    settings = json.loads(path.with_suffix(".json").read_text())
    assert settings["cases"] == dict(zip(CASES, found.labels.tolist())) and settings["seed"] == 0
    assert settings["distinctive"] == {str(number): one for number, one in found.distinctive.items()}
    assert all(len(one) == 5 and "feature3" not in one for one in settings["distinctive"].values())
    assert settings["discretisation"] == again.discretisation == "32-levels"
    first = path.read_bytes()
    save(path, fit(three_groups(), COLUMNS, scaling=scaling), cases=CASES, seed=0)
    assert path.read_bytes() == first


def test_the_grey_levels_are_kept_and_files_of_before_had_the_default(tmp_path):
    save(tmp_path / "a.npz", fit(three_groups(), COLUMNS, discretisation="authors"), cases=CASES, seed=0)
    assert load(tmp_path / "a.npz").discretisation == "authors"
    settings = json.loads((tmp_path / "a.json").read_text())
    before = {name: value for name, value in settings.items() if name not in ("discretisation", "distinctive")}
    (tmp_path / "a.json").write_text(json.dumps(before))
    assert load(tmp_path / "a.npz").discretisation == "32-levels"


def test_the_modalities_that_features_are_of():
    columns = ["shape_MeshVolume", "t1c_glcm_MCC", "flair_firstorder_Mean", "t1c_ngtdm_Busyness"]
    chain = fit(three_groups()[:, :4] + np.eye(30, 4), columns).clusters
    assert chain.modalities == ("t1c", "flair")


def test_damaged_files_are_refused(found, tmp_path):
    path = tmp_path / "groups.npz"
    with pytest.raises(UserError, match="groups.json is missing"):
        load(path)
    save(path, found, cases=CASES, seed=0)
    whole = path.read_bytes()
    for damaged in (b"", b"no archive", whole[:200]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="groups.npz"):
            load(path)
    path.write_bytes(whole)
    settings = json.loads(path.with_suffix(".json").read_text())
    for change in ({"columns": COLUMNS[:3]}, {"scaling": "other"}, {"columns": 3}, {"discretisation": "64"}):
        path.with_suffix(".json").write_text(json.dumps(settings | change))
        with pytest.raises(UserError, match="groups.*make the clusters again"):
            load(path)
    path.with_suffix(".json").write_text(json.dumps(settings))
    np.savez(path, **dict.fromkeys(("shift", "divisor", "mean", "components", "centres"), np.array(None, object)))
    with pytest.raises(UserError, match="groups.npz"):
        load(path)  # an object would be a pickle


def test_too_few_cases_and_equal_ones_are_refused():
    with pytest.raises(UserError, match="at least 4 cases"):
        fit(np.eye(3), ["a", "b", "c"])
    with pytest.raises(UserError, match="all have the same"):
        fit(np.ones((5, 2)), ["a", "b"])


def test_a_picture(found, tmp_path):
    plot(tmp_path / "groups.png", found)
    assert (tmp_path / "groups.png").read_bytes().startswith(b"\x89PNG")


SCRIPT = """
import sys
from segan_tl.radiomics.clusters import fit
from tests.radiomics.test_clusters import COLUMNS, three_groups
found = fit(three_groups(), COLUMNS, seed=5)
sys.stdout.write(found.labels.tobytes().hex() + found.clusters.centres.tobytes().hex())
"""


def test_one_thread_and_two_give_the_same():
    root, said = Path(__file__).parents[2], []
    for threads in ("1", "2"):
        limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env={**os.environ, **limits, "PYTHONPATH": str(root)}, cwd=root,
            capture_output=True, encoding="utf-8", check=True,
        )  # fmt: skip
        said.append(done.stdout)
    assert said[0] == said[1] and len(said[0]) > 100
