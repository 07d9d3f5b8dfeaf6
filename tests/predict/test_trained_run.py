"""A trained run in one's own code gives what the tool gives: the recipe of docs, the example without the package."""

import csv
import re
import runpy
import subprocess
import sys
from pathlib import Path

import keras
import nibabel
import numpy as np
import pytest

import segan_tl
from segan_tl.config.schema import Config
from segan_tl.data.find.cases import find_cases
from segan_tl.errors import UserError
from segan_tl.metrics.overlap import dice
from segan_tl.models.nnunet import build_nnunet
from segan_tl.regions import region_masks
from segan_tl.report.score.evaluate import evaluate_run
from tests.small_runs import SPACING_MM, make_run, small_config, small_labels, write_case

ROOT = Path(__file__).parents[2]
RECIPE = re.search(r"\n    import segan_tl\n(?:\n|    .*\n)+", (ROOT / "docs" / "python.md").read_text())[0]


def dice_of(run) -> dict[tuple[str, str], float]:
    with run.metrics.open() as file:
        return {(row["case"], row["region"]): float(row["dice"]) for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Path:
    """Return two cases with a noisy tumour, so that another preparation gives another Dice."""
    folder = tmp_path_factory.mktemp("trained") / "cohort"
    for case, seed in (("BraTS2021_00001", 1), ("BraTS2021_00002", 2)):
        place = write_case(folder, case, small_labels())
        for file in place.glob("*.nii.gz"):
            if "seg" in file.name:
                continue
            image = nibabel.load(file)
            noise = np.random.default_rng(seed).normal(1, 0.3, image.shape).clip(0.1)
            nibabel.save(nibabel.Nifti1Image((image.get_fdata() * noise).astype(np.float32), image.affine), file)
    return folder


@pytest.fixture(scope="module")
def slices_run(cohort):
    """A SegAN run whose percentiles are those of its crop, with the scores of its evaluation."""
    config = small_config(area="window", smallest_component=0.5)
    data = config.data.model_copy(update={"crop": (19, 17, 8), "percentiles": (2.0, 96.0)})
    config = config.model_copy(update={"data": data})
    run = make_run(cohort.parent / "runs" / "small" / "flair", config)
    evaluate_run(run, cases=find_cases(cohort).cases, config=config)
    return run


@pytest.fixture(scope="module")
def volumes_run(cohort):
    """A volumetric run that resamples, of two modalities and regions, with the scores of its evaluation."""
    config = Config.model_validate(
        {
            "name": "small",
            "data": {
                "modalities": ["flair", "t2"], "regions": ["wt", "tc"], "patch": [8, 8, 8], "spacing_mm": 2.5,
            },
            "model": {"family": "nnunet", "filters": [2, 2], "blocks": [1, 1], "decoder_blocks": [1]},
            "predict": {"mirror": False},
        }
    )  # fmt: skip
    keras.utils.set_random_seed(5)
    model = build_nnunet(
        (None, None, None, 2), classes=2, filters=(2, 2), strides=(1, 2), kernel_sizes=(3, 3), blocks=(1, 1),
        decoder_blocks=(1,), deep_supervision=False,
    )  # fmt: skip
    run = make_run(cohort.parent / "runs" / "volumes" / "base", config, segmentor=model)
    evaluate_run(run, cases=find_cases(cohort).cases, config=config)
    return run


@pytest.mark.parametrize("name", ["slices_run", "volumes_run"])
def test_it_segments_as_the_evaluation_did(cohort, request, name):
    run = request.getfixturevalue(name)
    expected = dice_of(run)
    assert any(0.05 < value < 0.95 for value in expected.values())
    opened = segan_tl.open_run(run.root)
    for (case, region), value in expected.items():
        scan = opened.read(cohort / case)
        found = opened.segment(scan.image, spacing_mm=scan.spacing_mm)
        truth = region_masks(scan.labels, opened.config.data.regions)
        i = opened.config.data.regions.index(region)
        assert dice(truth[..., i], found[..., i]) == value


def test_the_recipe_of_docs_gives_the_dice_of_metrics_csv(cohort, slices_run, monkeypatch):
    monkeypatch.chdir(cohort.parent)
    for case in ("BraTS2021_00001", "BraTS2021_00002"):
        recipe, places = re.subn(r'"runs/[^"]+"', f'"{slices_run.root}"', RECIPE)
        recipe, cases = re.subn(r'"new_patients/[^"]+"', f'"{cohort / case}"', recipe)
        assert (places, cases) == (1, 1)
        names = {}
        exec(re.sub(r"^    ", "", recipe, flags=re.MULTILINE), names)
        scan, tumour = names["scan"], names["tumour"]
        assert dice(region_masks(scan.labels, ("wt",))[..., 0], tumour[..., 0]) == dice_of(slices_run)[case, "wt"]
        assert names["prepared"].array.shape == (8, 16, 16, 1) and names["prepared"].array.max() == 1


def test_the_example_without_the_package_gives_the_same_mask(cohort, slices_run, tmp_path, monkeypatch):
    scan, example = cohort / "BraTS2021_00001" / "BraTS2021_00001_flair.nii.gz", ROOT / "examples" / "bare_keras.py"
    words = (example, slices_run.root, scan, tmp_path / "tumour.nii.gz")
    monkeypatch.setattr(sys, "argv", [str(word) for word in words])
    runpy.run_path(str(example))
    found = nibabel.load(tmp_path / "tumour.nii.gz")
    expected = nibabel.load(slices_run.predictions / "BraTS2021_00001.nii.gz")
    np.testing.assert_array_equal(np.asarray(found.dataobj), np.asarray(expected.dataobj))
    np.testing.assert_allclose(found.affine, expected.affine)
    assert "segan_tl" not in re.sub(r'""".*?"""', "", example.read_text(), flags=re.DOTALL)


def test_what_is_prepared_is_what_the_network_sees_and_comes_back(cohort, slices_run):
    opened = segan_tl.open_run(slices_run.root)
    scan = opened.read(cohort / "BraTS2021_00001")
    prepared = opened.prepare(scan.image[..., 0], spacing_mm=SPACING_MM)  # one modality: with or without its axis
    np.testing.assert_array_equal(prepared.array, opened.prepare(scan.image, spacing_mm=SPACING_MM).array)
    assert prepared.restore(np.ones((8, 16, 16, 1), np.float32)).sum() == 8 * 16 * 16


def test_air_that_is_not_0_is_made_0_as_for_files(cohort, slices_run):
    opened = segan_tl.open_run(slices_run.root)
    head = np.zeros((24, 20, 10), np.float32)
    head[6:18, 5:15, 2:8] = np.arange(12 * 10 * 6).reshape(12, 10, 6) + 50
    prepared = [opened.prepare(head + shift, spacing_mm=SPACING_MM).array for shift in (0, -8)]
    np.testing.assert_allclose(*prepared, atol=1e-6)


@pytest.mark.parametrize(
    ("image", "spacing_mm", "expected"),
    [
        (np.ones((24, 20)), SPACING_MM, "expected an image (H, W, D) of flair; found (24, 20)"),
        (np.ones((24, 20, 10, 4)), SPACING_MM, "found (24, 20, 10, 4)"),
        (np.full((24, 20, 10), np.nan), SPACING_MM, "expected an image of finite numbers"),
        (np.ones((24, 20, 10)), (1, 1), "expected spacing_mm along H, W, D; found (1, 1)"),
        (np.ones((24, 20, 10)), (1, 1, 0), "found (1, 1, 0)"),
    ],
)
def test_what_is_no_scan_is_refused_in_one_sentence(slices_run, image, spacing_mm, expected):
    with pytest.raises(UserError) as error:
        segan_tl.open_run(slices_run.root).prepare(image, spacing_mm=spacing_mm)
    assert expected in str(error.value)


def test_read_takes_one_case_with_all_modalities(cohort, slices_run, volumes_run):
    with pytest.raises(UserError, match="expected one case; found 2"):
        segan_tl.open_run(slices_run.root).read(cohort)
    file = cohort / "BraTS2021_00001" / "BraTS2021_00001_flair.nii.gz"
    assert segan_tl.open_run(slices_run.root).read(file).image.shape == (24, 20, 10, 1)
    with pytest.raises(UserError, match="this run needs flair, t2"):
        segan_tl.open_run(volumes_run.root).read(file)


def test_importing_the_package_loads_nothing():
    code = "import sys, segan_tl; assert not {'numpy', 'keras', 'tensorflow', 'pydantic'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'open_runs'"):
        segan_tl.open_runs  # noqa: B018
