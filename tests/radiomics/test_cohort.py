"""Whose tumours are asked for: masks of a folder, of a run, or of the folds of a cross-validation."""

from segan_tl.radiomics.cohort import find_masks
from segan_tl.report.score.masks import find_truths
from tests.small_folds import write
from tests.small_masks import small_truth, write_mask, write_truths


def test_the_test_cases_of_every_fold(tmp_path):
    truths, _ = find_truths(write_truths(tmp_path / "truths", cases=3), meaning=None, otherwise=None)
    for fold, case in enumerate(list(truths)[:2]):  # the third fold has not run
        place = tmp_path / "net" / f"fold{fold}"
        write_mask(place / "predictions" / f"{case}.nii.gz", small_truth())
        write(place / "config.json", {"name": "net", "data": {"regions": ["wt", "tc", "et"]}})
    (tmp_path / "net" / "fold2").mkdir()
    masks, strangers = find_masks(tmp_path / "net", truths, meaning="brats2017")
    assert sorted(masks) == list(truths)[:2] and strangers == []
    assert {mask.meaning for mask in masks.values()} == {"brats2017"}
    one, _ = find_masks(tmp_path / "net" / "fold1", truths, meaning="brats2017")
    assert list(one) == [list(truths)[1]] and one[list(truths)[1]].source == masks[list(truths)[1]].source
