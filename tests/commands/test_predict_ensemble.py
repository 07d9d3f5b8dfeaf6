"""`predict --ensemble`: runs that see the same images answer together."""

import csv
import errno
import json

import nibabel
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.disk import leftovers
from segan_tl.disk.manifest import sha256
from tests.small_ensembles import SEEN, constant_segmentor, label_config, label_segmentor
from tests.small_runs import make_run, small_config, small_labels, threshold_segmentor, write_case

REGIONS = ("wt", "tc", "et")
CASE = "BraTS2021_00001"


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Runs of FLAIR, T2 and T1c, which show wt, tc and et, runs of labels, one that is never sure, and two patients."""
    root = tmp_path_factory.mktemp("ensemble")
    runs, config = root / "runs", small_config(SEEN, REGIONS)
    for name in ("one", "same", "again"):
        make_run(runs / "small" / name, config, best_dice=0.6)
    constant = {"segmentor": constant_segmentor(3, 0.25, 0.25, 0.25)}
    make_run(runs / "small" / "unsure", config, **constant, best_dice=0.2)
    make_run(runs / "small" / "labels", label_config("ncr", "ed", "et"), segmentor=label_segmentor(), best_dice=0.9)
    make_run(runs / "small" / "twin", label_config("ncr", "ed", "et"), segmentor=label_segmentor())
    make_run(runs / "small" / "flair", small_config())
    make_run(runs / "small" / "core", small_config(SEEN, ("wt",)), segmentor=constant_segmentor(3, 0.5))
    for number, segmentor in enumerate((threshold_segmentor(3), constant_segmentor(3, 0.5, 0.5, 0.5))):
        make_run(runs / "folds" / "data" / f"fold{number}", config, segmentor=segmentor)
    for number in (1, 2):
        write_case(root / "cohort", f"BraTS2021_0000{number}", small_labels())
    return root


def predict(places, runs, out, *options, source=None):
    names = [name if "/" in name else f"small/{name}" for name in runs]
    place = places / "cohort" / (source or CASE)
    return main(["predict", *names, str(place), str(out), "--runs", str(places / "runs"), *options])


def voxels(out, ending=""):
    return np.asarray(nibabel.load(out / f"{CASE}{ending}.nii.gz").dataobj)


def record_of(out):
    return json.loads((out / "predictions.json").read_text())


@pytest.mark.parametrize("runs", [("one", "same"), ("one", "same", "again")])
@pytest.mark.parametrize("rule", [("mean",), ("weighted", "--weights", *["0.3"] * 3)])
def test_a_model_with_itself_is_the_model_to_the_bit(places, tmp_path, runs, rule):
    options = ("--ensemble", *rule[: 2 + len(runs)], "--probabilities")
    assert predict(places, runs, tmp_path / "together", *options) == 0
    assert predict(places, runs[:1], tmp_path / "alone", "--probabilities") == 0
    for ending in ("", "_probability"):
        name = f"{CASE}{ending}.nii.gz"
        assert sha256(tmp_path / "together" / name) == sha256(tmp_path / "alone" / name)
    record = record_of(tmp_path / "together")
    assert record["cases"][CASE]["agreement"] == {"mean": 1, "wt": 1, "tc": 1, "et": 1}


def test_a_model_of_labels_with_itself(places, tmp_path):
    assert predict(places, ("labels", "twin"), tmp_path / "together", "--ensemble", "mean", "--probabilities") == 0
    assert predict(places, ("labels",), tmp_path / "alone", "--probabilities") == 0
    np.testing.assert_array_equal(voxels(tmp_path / "together"), small_labels())
    for ending in ("", "_probability"):
        np.testing.assert_array_equal(voxels(tmp_path / "together", ending), voxels(tmp_path / "alone", ending))


def test_the_mean_of_two_and_what_they_agree_on(places, tmp_path, capsys):
    """One says 1 inside and 0 outside of each region, the other always 0.25: 0.625 and 0.125 in the crop."""
    options = ("--ensemble", "mean", "--probabilities", "--agreement")
    assert predict(places, ("one", "unsure"), tmp_path, *options) == 0
    np.testing.assert_array_equal(voxels(tmp_path), small_labels())
    probability, inside = voxels(tmp_path, "_probability"), small_labels() > 0
    np.testing.assert_allclose(probability[inside, 0], 0.625, atol=1e-3)
    share = voxels(tmp_path, "_agreement")
    np.testing.assert_array_equal(share, np.where(inside, np.float32(0.5), 0))  # 0.25 is below the threshold
    record = record_of(tmp_path)
    assert record["ensemble"] == "mean" and [run["share"] for run in record["runs"]] == [0.5, 0.5]
    assert record["cases"][CASE]["agreement"]["mean"] == 0  # one of two masks is empty
    said = capsys.readouterr().out
    assert "mean of small/one, small/unsure; regions: wt, tc, et" in said
    assert f"{CASE}  mean of 2 members  agreement 0.000  wt" in said and "small/unsure  2 of 2 members" in said
    rows = list(csv.DictReader((tmp_path / "volumes.csv").open()))
    assert [(row["region"], float(row["agreement"])) for row in rows] == [("wt", 0), ("tc", 0), ("et", 0)]


@pytest.mark.parametrize(
    ("options", "weights"),
    [((), (0.75, 0.25)), (("--weights", "0.4", "0.6"), (0.4, 0.6)), (("--weights", "3", "1"), (0.75, 0.25))],
)
def test_weights(places, tmp_path, capsys, options, weights):
    """Validation Dice of 0.6 and 0.2, or as given: the weighted mean inside is w1 + 0.25 w2."""
    assert predict(places, ("one", "unsure"), tmp_path, "--ensemble", "weighted", "--probabilities", *options) == 0
    probability = voxels(tmp_path, "_probability")
    np.testing.assert_allclose(probability[small_labels() > 0, 0], weights[0] + 0.25 * weights[1], atol=1e-3)
    assert [run["share"] for run in record_of(tmp_path)["runs"]] == pytest.approx(weights)
    why = "as given" if options else "best validation Dice 0.6000"
    assert f"weights: small/one {weights[0]:.4f} ({why})" in capsys.readouterr().out


def test_folds_count_as_one(places, tmp_path):
    """Folds of 1 and 0.5 inside, their mean 0.75, and a run of 0.25: 0.5. Three equals would give 0.583."""
    options = ("--ensemble", "mean", "--probabilities")
    assert predict(places, ("folds/data", "unsure"), tmp_path / "two", *options) == 0
    np.testing.assert_allclose(voxels(tmp_path / "two", "_probability")[small_labels() > 0, 0], 0.5, atol=1e-3)
    runs = record_of(tmp_path / "two")["runs"]
    assert [run["share"] for run in runs] == [0.25, 0.25, 0.5]
    assert [run["model"] for run in runs] == ["folds/data", "folds/data", "small/unsure"]
    assert predict(places, ("folds/data",), tmp_path / "one", *options) == 0
    np.testing.assert_allclose(voxels(tmp_path / "one", "_probability")[small_labels() > 0, 0], 0.75, atol=1e-3)


@pytest.mark.parametrize("runs", [("one", "labels"), ("labels", "one")])
@pytest.mark.parametrize("rule", ["mean", "staple"])
def test_slices_of_regions_and_volumes_of_labels(places, tmp_path, runs, rule):
    assert predict(places, runs, tmp_path, "--ensemble", rule, "--probabilities") == 0
    np.testing.assert_array_equal(voxels(tmp_path), small_labels())
    record, probability = record_of(tmp_path), voxels(tmp_path, "_probability")
    assert record["regions"] == [*REGIONS] and record["cases"][CASE]["agreement"]["mean"] == 1
    for place, labels in enumerate(((1, 2, 4), (1, 4), (4,))):
        assert probability[np.isin(small_labels(), labels), place].min() > 0.99


def test_images_and_regions_in_another_order(places, tmp_path):
    turned = small_config(("t1c", "flair", "t2"), ("et", "wt", "tc"))
    make_run(places / "runs" / "small" / "turned", turned, segmentor=threshold_segmentor(3))
    assert predict(places, ("one", "turned"), tmp_path, "--ensemble", "mean") == 0
    np.testing.assert_array_equal(voxels(tmp_path), small_labels())
    assert record_of(tmp_path)["cases"][CASE]["agreement"]["mean"] == 1


def test_staple_outvotes_what_one_of_three_says(places, tmp_path):
    everywhere = constant_segmentor(3, 0.9, 0.9, 0.9)
    make_run(places / "runs" / "small" / "all", small_config(SEEN, REGIONS), segmentor=everywhere)
    assert predict(places, ("one", "same", "all"), tmp_path, "--ensemble", "staple") == 0
    np.testing.assert_array_equal(voxels(tmp_path), small_labels())


def test_postprocessing_comes_after_the_ensemble(places, tmp_path):
    """ET is less than 95 % of the tumour, so it becomes NCR."""
    thresholds = {"sizes_voxels": {"NCR": 0, "ED": 0, "ET": 0}, "et_wt_ratio": 0.95}
    (tmp_path / "post.json").write_text(json.dumps({"thresholds": {"all": thresholds}}))
    options = ("--ensemble", "mean", "--postprocess", str(tmp_path / "post.json"))
    assert predict(places, ("one", "labels"), tmp_path / "out", *options) == 0
    np.testing.assert_array_equal(voxels(tmp_path / "out"), np.where(small_labels() == 4, 1, small_labels()))


@pytest.mark.parametrize("columns", ["head_not_segmented_ml,remarks", "head_not_segmented_ml,agreement,remarks"])
def test_the_table_of_an_earlier_version_is_ours(places, tmp_path, columns):
    (tmp_path / "volumes.csv").write_text(f"case,region,ml,{columns}\n")
    assert predict(places, ("one", "same"), tmp_path, "--ensemble", "mean") == 0
    header = (tmp_path / "volumes.csv").read_text().splitlines()[0]
    assert header == "case,region,ml,low_ml,high_ml,head_not_segmented_ml,agreement,remarks"


def test_several_groups_and_nothing_is_left_behind(places, tmp_path, monkeypatch):
    monkeypatch.setattr("segan_tl.predict.ensemble.GROUP", 1)
    assert predict(places, ("one", "unsure"), tmp_path, "--ensemble", "mean", source=".") == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"{CASE}.nii.gz", "BraTS2021_00002.nii.gz", "predictions.json", "volumes.csv"]


def test_nothing_is_left_behind_by_an_interruption(places, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("segan_tl.predict.ensemble._conclude", interrupt)
    assert predict(places, ("one", "unsure"), tmp_path, "--ensemble", "mean") == 130
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.json"]


def test_what_a_killed_process_left_goes_with_the_next_call(places, tmp_path):
    left = tmp_path / f".segan_tl-{leftovers._host()}-4194399-1.ensemble"
    left.mkdir()
    (left / "0-mean.npy").touch()
    assert predict(places, ("one", "unsure"), tmp_path, "--ensemble", "mean") == 0
    assert not left.exists()


def test_a_full_disk_is_said_and_leaves_nothing_behind(places, tmp_path, monkeypatch, capsys):
    def fill(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", fill)
    assert predict(places, ("one", "unsure"), tmp_path, "--ensemble", "mean", "--skip-bad-cases") == 2
    assert "the disk is full" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.json"]


def test_a_bad_case_is_left_out(places, tmp_path, capsys):
    bad = write_case(tmp_path / "cohort", "BraTS2021_00001", small_labels())
    write_case(tmp_path / "cohort", "BraTS2021_00002", small_labels())
    image = bad / f"{CASE}_t2.nii.gz"
    image.write_bytes(image.read_bytes()[:400])
    command = ("--ensemble", "mean")
    assert predict(places, ("one", "unsure"), tmp_path / "out", *command, source=tmp_path / "cohort") == 2
    assert "--skip-bad-cases" in capsys.readouterr().err
    command += ("--skip-bad-cases",)
    assert predict(places, ("one", "unsure"), tmp_path / "out", *command, source=tmp_path / "cohort") == 0
    assert f"{CASE}  left out" in capsys.readouterr().out
    assert list(record_of(tmp_path / "out")["cases"]) == ["BraTS2021_00002"]


@pytest.mark.parametrize(
    ("runs", "options", "message"),
    [
        (("one",), ("--ensemble", "mean"), "expected several RUNs, or a cross-validation; found small/one alone"),
        (("one", "flair"), ("--ensemble", "mean"), "expected runs of the same images, which answer together"),
        (("one", "core"), ("--ensemble", "mean"), "segments wt, tc, et, which wt of"),
        (("one", "one"), ("--ensemble", "mean"), "is named twice"),
        (("one", "nobody"), ("--ensemble", "mean"), "no run at small/nobody"),
        (("one", "same"), ("--ensemble", "weighted", "--weights", "1"), "found 1; write --weights W W"),
        (("one", "same"), ("--ensemble", "weighted", "--weights", "0", "0"), "not all 0; found 0 0"),
        (("one", "same"), ("--ensemble", "mean", "--weights", "1", "2"), "--weights go with --ensemble weighted"),
        (("one",), ("--weights", "1"), "--weights is of an ensemble; add --ensemble"),
        (("one",), ("--fold", "0"), "--fold is of an ensemble; add --ensemble"),
        (("one", "same"), ("--ensemble", "mean", "--fold", "0"), "a cross-validation for --fold 0; small/one is"),
        (("folds/data",), ("--ensemble", "mean", "--fold", "0"), "found folds/data alone; add a RUN"),
        (("one",), ("--agreement",), "--agreement is of an ensemble; add --ensemble"),
        (("one", "same"), (), "--ensemble mean for runs of the same"),
        (("folds/data", "one"), ("--ensemble", "weighted"), "or give the weights with --weights"),
    ],
)  # fmt: skip
def test_what_is_refused_in_one_sentence(places, tmp_path, capsys, runs, options, message):
    assert predict(places, runs, tmp_path / "out", *options) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and "Traceback" not in error
    assert not (tmp_path / "out").exists()
