"""A run as one file: exported, and segmenting without TensorFlow as the run does with it."""

import json
import subprocess
import sys
import zipfile

import nibabel
import numpy as np
import pytest

import segan_tl
from segan_tl.__main__ import main
from segan_tl.disk.atomic import write_json
from tests.small_artefacts import nnunet, segan, small_config, small_labels, volume_config, write_case
from tests.small_runs import make_run

pytest.importorskip("onnx", reason="needs pip install 'segan_tl[onnx]'")
pytest.importorskip("onnxruntime", reason="needs pip install 'segan_tl[onnx]'")

WITHIN = 1e-4
DICE = {"n": 3, "mean": 0.8125, "std": 0.125, "median": 0.75}
SUMMARY = {"regions": {"wt": {"dice": DICE, "hd95_mm": {"mean": 4.25}}}}
SIZES = {"sizes_voxels": {"NCR": 0, "ED": 100000, "ET": 0}, "et_wt_ratio": 0.0}
# What stands in the way of a module that is asked for: as if it were not installed.
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
from segan_tl.__main__ import main
code = main(sys.argv[1:])
assert not {absent} & {{name.split(".")[0] for name in sys.modules}}
sys.exit(code)
"""
HEAVY = {"tensorflow", "keras", "h5py", "jax", "torch", "onnx", "SimpleITK", "sklearn", "matplotlib", "tensorboard"}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Runs of seeded weights, their zips, and two cases: one of all modalities, one of FLAIR alone."""
    root = tmp_path_factory.mktemp("portable")
    runs, mirrored = root / "runs", small_config(mirror=True, threshold=0.4, smallest_component=0.2)
    mirrored = mirrored.model_copy(
        update={"augment": mirrored.augment.model_copy(update={"mirror_axes": ("H", "W")})}
    )
    make_run(runs / "flair", mirrored, segmentor=segan())
    write_json(runs / "flair" / "summary.json", SUMMARY)
    make_run(runs / "t2", small_config(("t2",)), segmentor=segan(seed=1))
    make_run(runs / "volume", volume_config(), segmentor=nnunet(2))
    any_subset = volume_config(("flair", "t1c"), subsets="any", mirror=False)
    make_run(runs / "any", any_subset, segmentor=nnunet(4))
    labels = volume_config(("flair",), activation="softmax", decision="largest", mirror=False)
    make_run(runs / "softmax", labels, segmentor=nnunet(1, classes=4, activation="softmax"))
    for name in ("flair", "t2", "volume", "any", "softmax"):
        assert main(["export", str(runs / name), str(root / f"{name}.zip"), "--portable"]) == 0
    write_case(root / "cohort", "BraTS2021_00001", small_labels())
    write_case(root / "cohort", "BraTS2021_00002", small_labels(3), with_mask=False, modalities=("flair", "t1"))
    return root


def voxels(path):
    return np.asarray(nibabel.load(path).dataobj)


def differences(ours, theirs):
    """Return the largest difference of every map of two folders, which hold the same names."""
    names = sorted(path.name for path in ours.glob("*.nii.gz"))
    assert names and names == sorted(path.name for path in theirs.glob("*.nii.gz"))
    return {name: np.abs(voxels(ours / name).astype(np.float64) - voxels(theirs / name)).max() for name in names}


@pytest.mark.parametrize(
    ("run", "case"),
    [("flair", ""), ("volume", "BraTS2021_00001"), ("any", ""), ("softmax", "")],
    ids=["mirrored slices", "mirrored patches", "any subset", "softmax"],
)
def test_the_zip_answers_as_the_run_does(places, tmp_path, run, case):
    source = str(places / "cohort" / case)
    for name, network in (("run", places / "runs" / run), ("zip", places / f"{run}.zip")):
        assert main(["predict", str(network), source, str(tmp_path / name), "--probabilities"]) == 0
    found = differences(tmp_path / "run", tmp_path / "zip")
    assert max(value for name, value in found.items() if "probability" in name) < WITHIN
    assert max(value for name, value in found.items() if "probability" not in name) == 0
    assert np.ptp(voxels(next((tmp_path / "zip").glob("*1_probability.nii.gz")))) > 0.1  # else anything would do
    records = [json.loads((tmp_path / name / "predictions.json").read_text()) for name in ("run", "zip")]
    for one, other in zip(*(record["cases"].values() for record in records), strict=True):
        assert {**one, "seconds": 0, "dice": 0} == {**other, "seconds": 0, "dice": 0}


@pytest.mark.parametrize("how", [("--vote", "weighted"), ("--ensemble", "mean")])
def test_zips_decide_together_and_beside_runs(places, tmp_path, how):
    other = "t2" if how[0] == "--vote" else "again"
    if other == "again":
        (places / "again.zip").write_bytes((places / "flair.zip").read_bytes())
    source = str(places / "cohort" / "BraTS2021_00001")
    first, second = places / "flair.zip", places / f"{other}.zip"
    for name, networks in (("zips", (first, second)), ("both", (places / "runs" / "flair", second))):
        assert main(["predict", *map(str, networks), source, str(tmp_path / name), *how, "--probabilities"]) == 0
    assert max(differences(tmp_path / "zips", tmp_path / "both").values()) < WITHIN


def test_without_tensorflow_or_keras(places, tmp_path):
    command = [sys.executable, "-c", WITHOUT.format(absent=HEAVY), "predict", "volume.zip"]
    command += ["cohort/BraTS2021_00001", str(tmp_path / "out"), "--probabilities"]
    done = subprocess.run(command, cwd=places, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert main(["predict", str(places / "volume.zip"), str(places / "cohort" / "BraTS2021_00001"),
                 str(tmp_path / "here"), "--probabilities"]) == 0  # fmt: skip
    assert max(differences(tmp_path / "out", tmp_path / "here").values()) == 0


def test_without_onnxruntime_it_is_one_sentence(places, tmp_path):
    command = [sys.executable, "-c", WITHOUT.format(absent={"onnxruntime"}), "predict", "flair.zip", "cohort"]
    done = subprocess.run([*command, str(tmp_path / "out")], cwd=places, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "onnxruntime, which computes a portable network; it is not installed; pip install" in done.stderr
    assert not (tmp_path / "out").exists()


def test_in_python(places):
    run, there = segan_tl.open_run(places / "flair.zip"), segan_tl.open_run(places / "runs" / "flair")
    scan = run.read(places / "cohort" / "BraTS2021_00001")
    found, expected = (one.probability(scan.image, spacing_mm=scan.spacing_mm) for one in (run, there))
    np.testing.assert_allclose(found, expected, atol=WITHIN, rtol=0)


# === What is in it ===


def test_the_same_run_gives_the_same_bytes_and_they_name_nobody(places, tmp_path, capsys):
    assert main(["export", str(places / "runs" / "flair"), str(tmp_path / "other.zip"), "--portable"]) == 0
    assert (tmp_path / "other.zip").read_bytes() == (places / "flair.zip").read_bytes()
    assert "network.onnx" in capsys.readouterr().out
    with zipfile.ZipFile(places / "flair.zip") as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
        card = archive.read("README.md").decode()
        labels = json.loads(archive.read("labels.json"))
    for private in (str(places).encode(), b'"folder"', b"learnt_from", b"splits"):
        assert private not in content
    assert "| wt | 3 | 0.812 ± 0.125 | 0.750 | 4.2 |" in card and "For research only" in card
    assert labels["channels"] == ["wt"] and labels["regions"] == {"wt": ["NCR", "ED", "ET"]}


def test_the_numbers_of_the_labels_are_those_that_predict_writes(places, tmp_path):
    assert main(["predict", str(places / "volume.zip"), str(places / "cohort" / "BraTS2021_00001"), str(tmp_path)]) == 0
    written = next(iter(json.loads((tmp_path / "predictions.json").read_text())["cases"].values()))["labels"]
    with zipfile.ZipFile(places / "volume.zip") as archive:
        assert json.loads(archive.read("labels.json"))["numbers"]["brats2017"] == written
    with zipfile.ZipFile(places / "softmax.zip") as archive:
        assert json.loads(archive.read("labels.json"))["channels"] == ["background", "ed", "ncr", "et"]


def test_postprocessing_and_licence_come_along(places, tmp_path, capsys):
    write_json(tmp_path / "post.json", {"thresholds": {"all": SIZES}, "provenance": {"cases": ["someone"]}})
    options = ["--portable", "--postprocess", str(tmp_path / "post.json"), "--licence", "CC-BY-4.0"]
    assert main(["export", str(places / "runs" / "volume"), str(tmp_path / "a.zip"), *options]) == 0
    source = str(places / "cohort" / "BraTS2021_00001")
    given = ["--postprocess", str(tmp_path / "post.json")]
    for name, network, more in (("run", places / "runs" / "volume", given), ("zip", tmp_path / "a.zip", [])):
        assert main(["predict", str(network), source, str(tmp_path / name), *more]) == 0
    assert capsys.readouterr().out.count("post-processing: NCR 0, ED 100000, ET 0 voxels") == 2
    assert max(differences(tmp_path / "run", tmp_path / "zip").values()) == 0
    assert not (voxels(tmp_path / "zip" / "BraTS2021_00001.nii.gz") == 2).any()  # oedema of fewer voxels is gone
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert b"someone" not in archive.read("postprocess.json") and b"CC-BY-4.0" in archive.read("README.md")


# === SavedModel, hf:// ===


def test_a_saved_model_answers_as_the_run_does_in_plain_tensorflow(places, tmp_path):
    out = tmp_path / "saved"
    assert main(["export", str(places / "runs" / "flair"), str(out), "--saved-model"]) == 0
    code = (
        "import sys, numpy, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\nimage = numpy.load(sys.argv[2])\n"
        "numpy.save(sys.argv[3], model.serve(image).numpy())\n"
        "assert not any(name.startswith('segan_tl') for name in sys.modules)"
    )
    image = np.random.default_rng(0).normal(size=(3, 32, 32, 1)).astype(np.float32)  # the crop of 20 × 18, filled up
    np.save(tmp_path / "image.npy", image)
    command = [sys.executable, "-c", code, str(out), str(tmp_path / "image.npy"), str(tmp_path / "found.npy")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), segan()(image, training=False), atol=1e-5)


def test_the_folder_of_a_repository_loads_as_keras_loads_it(places, tmp_path):
    import keras

    assert main(["export", str(places / "runs" / "flair"), str(tmp_path / "hub"), "--hugging-face"]) == 0
    names = sorted(path.name for path in (tmp_path / "hub").iterdir())
    assert names == ["README.md", "config.json", "metadata.json", "model.weights.h5"]
    assert (tmp_path / "hub" / "README.md").read_text().startswith("---\nlibrary_name: keras\n")
    model = keras.saving.load_model(tmp_path / "hub")
    image = np.ones((1, 32, 32, 1), np.float32)
    np.testing.assert_array_equal(model(image), segan()(image))


# === Mistakes ===


def mistake(capsys, *words):
    """Return the one sentence that a command ends with."""
    assert main([str(word) for word in words]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and len(message.splitlines()) == 1
    return message


def test_mistakes_are_one_sentence(places, tmp_path, capsys):
    run, cohort, out = places / "runs" / "flair", places / "cohort", tmp_path / "out"
    assert "ending in .zip" in mistake(capsys, "export", run, out, "--portable")
    assert "add --portable" in mistake(capsys, "export", run, tmp_path / "a.zip")
    assert "expected what to export to" in mistake(capsys, "export", run, out)
    assert "exists already; add --overwrite" in mistake(capsys, "export", run, places / "flair.zip", "--portable")
    assert "is an artefact already" in mistake(capsys, "export", places / "flair.zip", tmp_path / "b.zip", "--portable")
    assert "add --portable, or leave --postprocess" in mistake(
        capsys, "export", run, out, "--saved-model", "--postprocess", "x.json"
    )
    assert "add --portable or --hugging-face" in mistake(capsys, "export", run, out, "--saved-model", "--licence", "X")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    assert "full holds files" in mistake(capsys, "export", run, tmp_path / "full", "--saved-model")
    (tmp_path / "folder.zip").mkdir()
    assert "expected a file as OUT" in mistake(capsys, "export", run, tmp_path / "folder.zip", "--portable")
    assert "no such file" in mistake(capsys, "predict", tmp_path / "none.zip", cohort, out)
    (tmp_path / "bad.zip").write_bytes((places / "flair.zip").read_bytes()[:-200])
    assert "cut off or damaged" in mistake(capsys, "predict", tmp_path / "bad.zip", cohort, out)
    assert "has no t1c" in mistake(capsys, "predict", places / "volume.zip", cohort / "BraTS2021_00002", out)
    assert "portable artefact segments and nothing else" in mistake(
        capsys, "retest", places / "flair.zip", "--data", cohort, "--out", out
    )
    (tmp_path / "file").write_text("")
    assert "expected a folder" in mistake(capsys, "predict", places / "flair.zip", cohort, tmp_path / "file")
    assert not out.exists()
