"""The guarantee command: what it promises of a run by hand, what predict makes of it, and another cohort."""

import csv
import json
import math
import shutil

import nibabel
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.disk.atomic import write_json
from segan_tl.runs import Run
from tests.commands.test_calibrate import own_cohort, segmentor
from tests.small_folds import COMMAND
from tests.small_runs import SPACING_MM, make_run, small_config, small_labels, write_case

CASES = [f"BraTS2021_{number:05d}" for number in range(1, 14)]
SPLIT = {"train": CASES[:1], "validation": CASES[1:2], "test": CASES[2:]}
RADII = (4.0, 4.5, 5.0, 5.5, 6.0)
VOXEL_ML = np.prod(SPACING_MM) / 1000


def write_cohort(folder, cases, *, larger: float = 0.0):
    """Write cases of which something shines, and whose truth is some voxels larger or smaller than that."""
    for number, case in enumerate(cases):
        write_case(folder, case, small_labels(RADII[number % 5]))
        path = folder / case / f"{case}_seg.nii.gz"
        labels = small_labels(RADII[(number + 1) % 5] + larger)
        nibabel.save(nibabel.Nifti1Image(labels, nibabel.load(path).affine), path)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A run with eleven test cases, and cohorts of another place: much larger tumours, and the same."""
    root = tmp_path_factory.mktemp("guarantee")
    write_cohort(root / "cohort", CASES)
    own_cohort(make_run(root / "run", small_config(), segmentor=segmentor(3)), root / "cohort", SPLIT)
    write_cohort(root / "larger", [f"BraTS2021_{number:05d}" for number in range(101, 113)], larger=2)
    write_cohort(root / "alike", [f"BraTS2021_{number:05d}" for number in range(201, 211)])
    assert main(["guarantee", str(root / "run"), "--alpha", "0.3"]) == 0
    return root


@pytest.fixture
def run(places, tmp_path):
    return Run(shutil.copytree(places / "run", tmp_path / "run"))


def voxels(path):
    return np.asarray(nibabel.load(path).dataobj)


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def patients_of(cases):
    """Return whose scans cases of BraTS 2021 are, as later editions call them."""
    return [case.replace("BraTS2021_", "BraTS-GLI-") for case in cases]


def predicted(places, tmp_path, cases):
    """Return case → (truth, mask, probability), as predict writes them."""
    found = {}
    words = ["predict", str(places / "run"), str(places / "cohort"), str(tmp_path / "all"), "--probabilities"]
    assert main(words) == 0
    for case in cases:
        truth = voxels(places / "cohort" / case / f"{case}_seg.nii.gz") > 0
        mask = voxels(tmp_path / "all" / f"{case}.nii.gz") > 0
        found[case] = truth, mask, voxels(tmp_path / "all" / f"{case}_probability.nii.gz")
    return found


def test_promises_by_hand_from_what_predict_writes(places, tmp_path):
    found = json.loads((places / "run" / "guarantee.json").read_text())
    cases = predicted(places, tmp_path, SPLIT["test"])
    assert sorted(found["scores"]) == patients_of(SPLIT["test"]) and (found["patients"], found["alpha"]) == (11, 0.3)
    promised, n = found["regions"]["wt"], 11
    # The largest threshold at which (Σ missed + 1) / 12 ≤ 0.3, and the smallest at which what is false is.
    missed, false = [], []
    for threshold in found["thresholds"]:
        masks = {case: probability >= np.float32(threshold) for case, (_, _, probability) in cases.items()}
        truths = {case: truth for case, (truth, _, _) in cases.items()}
        missed.append(sum((truths[c] & ~masks[c]).sum() / truths[c].sum() for c in cases))
        false.append(sum(min(1, (masks[c] & ~truths[c]).sum() / truths[c].sum()) for c in cases))
    safe = [one for one, lost in zip(found["thresholds"], missed) if (lost + 1) / (n + 1) <= 0.3]
    assert promised["missed"]["threshold"] == max(safe)
    safe = [one for one, lost in zip(found["thresholds"], false) if (lost + 1) / (n + 1) <= 0.3]
    assert promised["false"]["threshold"] == min(safe)
    place = found["thresholds"].index(promised["missed"]["threshold"])
    assert promised["missed"]["bound"] == pytest.approx((missed[place] + 1) / 12)
    assert promised["missed"]["price"] == pytest.approx(false[place] / 11)
    # ⌈12 · 0.7⌉ = 9: the ninth smallest error of 11.
    errors = sorted(
        abs(math.log((truth.sum() * VOXEL_ML + 1) / (mask.sum() * VOXEL_ML + 1))) for truth, mask, _ in cases.values()
    )
    assert promised["volume"]["reach"] == pytest.approx(errors[8])


def test_predict_writes_intervals_and_masks_at_the_threshold(places, tmp_path, capsys):
    found = json.loads((places / "run" / "guarantee.json").read_text())["regions"]["wt"]
    patient, case = places / "alike" / "BraTS2021_00203", "BraTS2021_00203"
    words = ["predict", str(places / "run"), str(patient)]
    assert main([*words, str(tmp_path / "out"), "--guarantee", "missed", "--probabilities"]) == 0
    assert "at most 30% of a tumour's volume is missed, on average" in capsys.readouterr().out
    probability = voxels(tmp_path / "out" / f"{case}_probability.nii.gz")
    mask = voxels(tmp_path / "out" / f"{case}_missed.nii.gz")
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, probability >= np.float32(found["missed"]["threshold"]))
    (row,) = rows_of(tmp_path / "out" / "volumes.csv")
    factor, ml = math.exp(found["volume"]["reach"]), float(row["ml"]) + 1
    assert float(row["low_ml"]) == pytest.approx(max(0, ml / factor - 1), abs=2e-3)
    assert float(row["high_ml"]) == pytest.approx(ml * factor - 1, abs=2e-3)
    assert json.loads((tmp_path / "out" / "predictions.json").read_text())["guarantee"]["patients"] == 11
    # A mask that was decided in another way has no interval.
    assert main([*words, str(tmp_path / "other"), "--threshold", "0.3"]) == 0
    assert rows_of(tmp_path / "other" / "volumes.csv")[0]["low_ml"] == ""


def test_calibration_moves_no_promise(places, run, tmp_path):
    patient = places / "alike" / "BraTS2021_00203"
    for name in ("before", "after"):
        words = ["predict", str(run.root), str(patient), str(tmp_path / name), "--guarantee", "false"]
        assert main(words) == 0
        assert main(["calibrate", str(run.root)]) == 0
    files = [tmp_path / name / "BraTS2021_00203_false.nii.gz" for name in ("before", "after")]
    np.testing.assert_array_equal(*map(voxels, files))
    assert (tmp_path / "before" / "volumes.csv").read_text() == (tmp_path / "after" / "volumes.csv").read_text()


def test_too_few_patients_promise_nothing(places, run, tmp_path, capsys):
    assert main(["guarantee", str(run.root), "--alpha", "0.05"]) == 0
    printed = capsys.readouterr().out
    assert "the guarantee is empty: alpha 0.05 takes 19 patients at least, there are 11" in printed
    assert printed.startswith("the guarantee is empty: ") or "\nthe guarantee is empty: " in printed
    assert "promised for new patients" not in printed
    assert "--alpha 0.0834" in printed  # 1 / 12, upwards: 0.0833 takes 12
    found = json.loads(run.guarantee.read_text())["regions"]["wt"]
    assert found["missed"]["threshold"] is None and found["volume"]["reach"] is None
    patient = places / "alike" / "BraTS2021_00203"
    assert main(["predict", str(run.root), str(patient), str(tmp_path / "out")]) == 0
    assert rows_of(tmp_path / "out" / "volumes.csv")[0]["high_ml"] == ""
    assert main(["predict", str(run.root), str(patient), str(tmp_path / "no"), "--guarantee", "missed"]) == 2
    assert "that of wt is empty: 11 patients calibrated it, 19 are the fewest" in capsys.readouterr().err


def test_scans_of_a_patient_count_once(places, run, tmp_path):
    table = "case,patient\n" + "".join(f"BraTS2021_{n:05d},p{n % 5}\n" for n in range(201, 211))
    (tmp_path / "who.csv").write_text(table)
    words = ["guarantee", str(run.root), "--data", str(places / "alike"), "--alpha", "0.4"]
    assert main([*words, "--out", str(tmp_path / "scans.json")]) == 0
    assert main([*words, "--out", str(tmp_path / "both.json"), "--patients", str(tmp_path / "who.csv")]) == 0
    scans, both = (json.loads((tmp_path / name).read_text()) for name in ("scans.json", "both.json"))
    assert (scans["patients"], both["patients"]) == (10, 5)
    one, other = (scans["scores"][f"BraTS-GLI-{n:05d}"]["wt"] for n in (201, 206))
    joint = both["scores"]["p1"]["wt"]
    np.testing.assert_allclose(joint["missed"], (np.array(one["missed"]) + other["missed"]) / 2, atol=2e-6)
    assert joint["log_error"] == max(one["log_error"], other["log_error"], key=abs)


# === Another cohort ===


def test_another_cohort_is_warned_of(places, run, capsys):
    words = ["guarantee", str(run.root), "--check", str(run.guarantee), "--data"]
    before = run.guarantee.read_bytes()
    assert main([*words, str(places / "larger")]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "what became of it in 12 patients" in printed and "warning: " in printed and "nothing of the" in printed
    assert main([*words, str(places / "alike")]) == 0
    assert "no difference is seen between 11 and 10 patients" in " ".join(capsys.readouterr().out.split())
    assert run.guarantee.read_bytes() == before


def test_made_anew_for_another_cohort(places, run, tmp_path, capsys):
    words = ["guarantee", str(run.root), "--data", str(places / "larger"), "--alpha", "0.3", "--out"]
    assert main([*words, str(tmp_path / "own.json")]) == 0
    beside = ["--beside", str(run.guarantee), "--weight", "4"]
    assert main([*words, str(tmp_path / "both.json"), *beside]) == 0
    # 11 of weight 1 beside 12 of weight 4 and the next one: 11 / (11 + 52).
    assert f"weigh {11 / 63:.3f} of all" in " ".join(capsys.readouterr().out.split())
    first, own, both = (
        json.loads(path.read_text())["regions"]["wt"]
        for path in (run.guarantee, tmp_path / "own.json", tmp_path / "both.json")
    )
    # Their tumours are larger than what shines: lower thresholds, wider intervals.
    thresholds = [one["missed"]["threshold"] for one in (own, both, first)]
    assert thresholds == sorted(thresholds) and thresholds[0] < thresholds[-1]
    assert own["volume"]["reach"] > first["volume"]["reach"]
    patient = places / "alike" / "BraTS2021_00203"
    given = ["--guarantee", "missed", "--guarantee-file", str(tmp_path / "own.json")]
    assert main(["predict", str(run.root), str(patient), str(tmp_path / "new"), *given]) == 0
    assert main(["predict", str(run.root), str(patient), str(tmp_path / "old"), "--guarantee", "missed"]) == 0
    new, old = (voxels(tmp_path / name / "BraTS2021_00203_missed.nii.gz").sum() for name in ("new", "old"))
    assert new > old


def test_a_cross_validation_promises_for_its_folds(places, tmp_path, capsys):
    tests = {number: CASES[number::3] for number in range(3)}
    for number, tested in tests.items():
        others = [case for case in CASES if case not in tested]
        command = COMMAND.format(number)
        run = make_run(tmp_path / "cv" / f"fold{number}", small_config(), segmentor=segmentor(3), command=command)
        split = {"train": others[1:], "validation": others[:1], "test": tested}
        own_cohort(run, places / "cohort", split)
        run.metrics.write_text("case,region,dice\n" + "".join(f"{case},wt,0.5\n" for case in tested))
        write_json(run.summary, {"failed": {}})
    folds = {"seed": 0, "folds": 3, "test": {str(number): tested for number, tested in tests.items()}}
    write_json(tmp_path / "cv" / "folds.json", folds)
    assert main(["guarantee", str(tmp_path / "cv"), "--alpha", "0.2"]) == 0
    assert "an ensemble of the folds has no guarantee" in " ".join(capsys.readouterr().out.split())
    found = [json.loads((tmp_path / "cv" / f"fold{number}" / "guarantee.json").read_text()) for number in range(3)]
    assert [one["patients"] for one in found] == [13] * 3 and sorted(found[0]["scores"]) == patients_of(CASES)
    patient = str(places / "alike" / "BraTS2021_00203")
    words = ["predict", str(tmp_path / "cv"), patient, str(tmp_path / "out"), "--ensemble", "mean"]
    assert main([*words, "--guarantee", "missed"]) == 2
    assert "no ensemble has one" in capsys.readouterr().err
    assert main(words) == 0 and rows_of(tmp_path / "out" / "volumes.csv")[0]["low_ml"] == ""


def test_the_zip_promises_the_same_and_names_nobody(places, run, tmp_path):
    pytest.importorskip("onnx", reason="needs pip install 'segan_tl[onnx]'")
    pytest.importorskip("onnxruntime", reason="needs pip install 'segan_tl[onnx]'")
    out = tmp_path / "run.zip"
    assert main(["export", str(run.root), str(out), "--portable"]) == 0
    assert not any(name.encode() in out.read_bytes() for name in (*CASES, *patients_of(CASES)))
    patient = places / "alike" / "BraTS2021_00203"
    for name, source in (("ours", run.root), ("theirs", out)):
        assert main(["predict", str(source), str(patient), str(tmp_path / name), "--guarantee", "missed"]) == 0
    ours, theirs = (rows_of(tmp_path / name / "volumes.csv")[0] for name in ("ours", "theirs"))
    assert ours["low_ml"] == theirs["low_ml"] != ""


# === Refused ===


def test_other_weights_refuse_the_file(places, run, tmp_path, capsys):
    make_run(run.root, small_config(), segmentor=segmentor(4))
    words = [str(run.root), str(places / "alike" / "BraTS2021_00203"), str(tmp_path / "out")]
    assert main(["predict", *words]) == 2
    assert "was made with other weights" in (said := capsys.readouterr().err) and "segan_tl guarantee" in said


def test_patients_it_has_learnt_from_are_refused(places, run, tmp_path, capsys):
    words = ["guarantee", str(run.root), "--data", str(places / "cohort"), "--out", str(tmp_path / "a.json")]
    assert main(words) == 2
    assert "was trained or tuned on the patients of 2 of the cases" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "a.json"], "add --data DIR"),
        (["--data", "DATA"], "found none; give one of them"),
        (["--data", "DATA", "--out", "a.json", "--check", "RUN/guarantee.json"], "found both"),
        (["--data", "DATA", "--out", "a.json", "--weight", "3"], "add --beside FILE"),
        (["--data", "DATA", "--out", "a.csv"], "to end in .json"),
        (["--data", "DATA", "--out", "RUN/run.json"], "is no guarantee"),
        (["--data", "DATA", "--check", "nowhere.json"], "nowhere.json is missing"),
        (["--data", "DATA", "--check", "RUN/run.json"], "expected guarantee.json, which guarantee writes; found run."),
    ],
)
def test_options_that_do_not_go_together(places, run, capsys, words, said):
    words = [word.replace("RUN", str(run.root)).replace("DATA", str(places / "alike")) for word in words]
    assert main(["guarantee", str(run.root), *words]) == 2
    assert said in capsys.readouterr().err


def test_patients_of_both_are_no_check(places, run, tmp_path, capsys):
    words = ["guarantee", str(run.root), "--alpha", "0.4", "--data", str(places / "alike")]
    assert main([*words, "--out", str(tmp_path / "a.json")]) == 0
    assert main([*words, "--check", str(tmp_path / "a.json")]) == 2
    assert "BraTS-GLI-00201, BraTS-GLI-00202, BraTS-GLI-00203 and 7 more calibrated it" in capsys.readouterr().err


def test_a_run_without_one_is_asked_for_it(places, run, tmp_path, capsys):
    run.guarantee.unlink()
    words = [str(run.root), str(places / "alike"), str(tmp_path / "out"), "--guarantee", "missed"]
    assert main(["predict", *words]) == 2
    assert "has no guarantee; make one: python -m segan_tl guarantee" in capsys.readouterr().err
