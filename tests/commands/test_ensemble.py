"""`ensemble`: masks of other programs brought together."""

import json
import shutil

import nibabel
import numpy as np
import pytest

from segan_tl.__main__ import main
from tests.small_runs import small_labels

CASE = "patient1"
AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])


def write_mask(folder, labels, case=CASE):
    folder.mkdir(exist_ok=True, parents=True)
    nibabel.save(nibabel.Nifti1Image(labels.astype(np.uint8), AFFINE), folder / f"{case}.nii.gz")
    return folder


@pytest.fixture
def folders(tmp_path):
    """Three masks in numbers of BraTS 2021: the whole tumour, one without enhancing tumour, one shifted by a voxel."""
    labels = small_labels()
    without = np.where(labels == 4, 1, labels)
    masks = (labels, without, np.roll(labels, 1, axis=0))
    return [write_mask(tmp_path / f"f{place}", mask) for place, mask in enumerate(masks)]


def ensemble(*words):
    return main(["ensemble", *map(str, words)])


def voxels(folder, ending=""):
    return np.asarray(nibabel.load(folder / f"{CASE}{ending}.nii.gz").dataobj)


def masks_of(labels):
    return {"wt": labels > 0, "tc": np.isin(labels, (1, 4)), "et": labels == 4}


def test_majority_of_three(folders, tmp_path, capsys):
    out = tmp_path / "out"
    assert ensemble(*folders, out, "--labels", "brats2017", "--agreement") == 0
    members = [masks_of(voxels(folder)) for folder in folders]
    for region, mask in masks_of(voxels(out)).items():
        np.testing.assert_array_equal(mask, sum(one[region].astype(int) for one in members) >= 2, err_msg=region)
    share = sum((voxels(folder) > 0).astype(np.float32) for folder in folders) / 3
    np.testing.assert_allclose(voxels(out, "_agreement"), share, rtol=1e-6)
    record = json.loads((out / "predictions.json").read_text())["cases"][CASE]
    # et: 1 and 2 and 2 and 3 share nothing; wt of 1 and 2 is the same
    one, _, three = (mask["et"] for mask in members)
    assert record["agreement"]["et"] == pytest.approx(2 * (one & three).sum() / (one.sum() + three.sum()) / 3)
    assert f"{CASE}  agreement {record['agreement']['mean']:.3f}" in capsys.readouterr().out
    np.testing.assert_array_equal(nibabel.load(out / f"{CASE}.nii.gz").affine, AFFINE)


def test_weights_and_ties(folders, tmp_path):
    words = ("--labels", "brats2017", "--rule", "weighted", "--weights")
    assert ensemble(*folders, tmp_path / "first", *words, 3, 1, 1) == 0
    np.testing.assert_array_equal(voxels(tmp_path / "first"), voxels(folders[0]))
    assert ensemble(*folders[:2], tmp_path / "tie", "--labels", "brats2017") == 0  # half of two is enough
    np.testing.assert_array_equal(voxels(tmp_path / "tie"), voxels(folders[0]))


def test_staple(folders, tmp_path):
    same = write_mask(tmp_path / "same", small_labels())
    assert ensemble(folders[0], same, folders[2], tmp_path / "out", "--labels", "brats2017", "--rule", "staple") == 0
    np.testing.assert_array_equal(voxels(tmp_path / "out"), small_labels())


def test_evaluate_reads_what_comes_out(folders, tmp_path):
    assert ensemble(*folders, tmp_path / "out", "--labels", "brats2017", "--agreement") == 0
    truth = ("--truth-labels", "brats2017")
    assert main(["evaluate", str(tmp_path / "out"), str(folders[0]), "--out", str(tmp_path / "m.csv"), *truth]) == 0


def test_what_is_refused_in_one_sentence(folders, tmp_path, capsys):
    first, second, third = folders
    write_mask(tmp_path / "more", small_labels(), case="patient2")
    write_mask(tmp_path / "grid", small_labels()[:-1])
    write_mask(tmp_path / "both", small_labels())
    write_mask(tmp_path / "both", small_labels(), case="patient2")
    (tmp_path / "empty").mkdir()
    known = ("--labels", "brats2017")
    for words, message in (
        ((first, "OUT", *known), "expected two FOLDERs or more before OUT"),
        ((first, first, "OUT", *known), "is named twice; leave it out once"),
        ((first, second, first, *known), "is named twice; leave it out once"),
        ((first, second, "OUT"), "add --labels with one of brats2012"),
        ((first, second, "OUT", "--labels", "brats"), "expected a label convention"),
        ((first, second, "OUT", "--labels", "lesion"), "state the right convention with --labels"),
        ((first, tmp_path / "empty", "OUT", *known), "expected masks in"),
        ((first, tmp_path / "more", "OUT", *known), "give folders of the same cases"),
        ((first, tmp_path / "both", "OUT", *known), "leave such cases out with --allow-missing"),
        ((first, tmp_path / "grid", "OUT", *known), "expected the masks of patient1 on one grid"),
        ((first, second, "OUT", *known, "--weights", "1", "2"), "--weights and --rule weighted go together"),
        ((first, second, "OUT", *known, "--rule", "weighted"), "--weights and --rule weighted go together"),
        ((first, second, "OUT", *known, "--rule", "weighted", "--weights", "1"), "expected 2 weights, one a FOLDER"),
        ((first, second, "out.nii.gz", *known), "expected a folder to write masks to"),
    ):
        out = tmp_path / "out"
        assert ensemble(*(out if word == "OUT" else word for word in words)) == 2, message
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1 and "Traceback" not in error
        assert not list(out.glob("*.nii.gz")) and (not out.exists() or "lesion" in words)
        shutil.rmtree(out, ignore_errors=True)
    assert ensemble(first, tmp_path / "both", tmp_path / "out", *known, "--allow-missing") == 0
    assert "left out, not in every folder: patient2" in capsys.readouterr().out
    assert ensemble(first, tmp_path / "both", tmp_path / "out", *known, "--allow-missing") == 2
    assert "exists already; add --overwrite" in capsys.readouterr().err
