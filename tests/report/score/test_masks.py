"""Which file belongs to which case, and what its numbers are taken to mean."""

import pytest

from segan_tl.disk.atomic import write_json
from segan_tl.errors import UserError
from segan_tl.report.score.masks import common_regions, find_predictions, find_truths, require_pairs
from tests.small_masks import small_truth, write_mask, write_truths

CASE = "BraTS2021_00000"


def truths_of(folder, meaning=None, otherwise=None):
    return find_truths(folder, meaning=meaning, otherwise=otherwise)[0]


def predictions_of(folder, truths, meaning=None, otherwise=None):
    return find_predictions(folder, truths, meaning=meaning, otherwise=otherwise)


@pytest.fixture
def truths(tmp_path):
    """Two cases of BraTS 2021."""
    return truths_of(write_truths(tmp_path / "truths", cases=2))


def test_truths_of_a_cohort(truths):
    assert list(truths) == ["BraTS2021_00000", "BraTS2021_00001"]
    assert {mask.meaning for mask in truths.values()} == {"brats2017"}


def test_truths_of_a_folder_of_bare_masks(tmp_path):
    write_mask(tmp_path / "patient7.nii.gz", small_truth())
    with pytest.raises(UserError, match="--truth-labels"):
        truths_of(tmp_path)
    assert truths_of(tmp_path, meaning="msd")["patient7"].meaning == "msd"
    assert truths_of(tmp_path, otherwise="brats2023")["patient7"].meaning == "brats2023"
    write_json(tmp_path / "cohort.json", {"label_convention": "brats2015"})
    assert truths_of(tmp_path, otherwise="brats2023")["patient7"].meaning == "brats2015"


def test_a_folder_without_masks(tmp_path):
    with pytest.raises(UserError, match="expected label maps"):
        truths_of(tmp_path)
    with pytest.raises(UserError, match="expected a folder"):
        truths_of(tmp_path / "none")


def test_a_cohort_that_cannot_be_read_is_not_taken_for_bare_masks(tmp_path):
    for part in ("a", "b"):
        write_mask(tmp_path / part / CASE / f"{CASE}_seg.nii.gz", small_truth())
    with pytest.raises(UserError, match="each case once"):
        truths_of(tmp_path)


@pytest.mark.parametrize("name", [f"{CASE}.nii.gz", f"{CASE}_seg.nii.gz", f"{CASE}/seg.nii.gz", f"deep/{CASE}.nii.gz"])
def test_names_of_predictions(tmp_path, truths, name):
    path = write_mask(tmp_path / "out" / name, small_truth())
    write_mask(tmp_path / "out" / f"{CASE}_probability.nii.gz", small_truth())
    write_mask(tmp_path / "out" / f"{CASE}_flair.nii.gz", small_truth())
    write_mask(tmp_path / "out" / "someone_else.nii.gz", small_truth())
    found, strangers = predictions_of(tmp_path / "out", truths, meaning="brats2017")
    assert {case_id: mask.source.path for case_id, mask in found.items()} == {CASE: path}
    assert [path.name for path in strangers] == ["someone_else.nii.gz"]


def test_two_predictions_of_one_case_are_refused(tmp_path, truths):
    for name in (f"{CASE}.nii.gz", f"{CASE}_seg.nii.gz"):
        write_mask(tmp_path / "out" / name, small_truth())
    with pytest.raises(UserError, match="expected one prediction of BraTS2021_00000"):
        predictions_of(tmp_path / "out", truths)


def test_no_prediction_of_any_case(tmp_path, truths):
    write_mask(tmp_path / "out" / "x.nii.gz", small_truth())
    with pytest.raises(UserError, match="such as BraTS2021_00000.nii.gz, .*found x.nii.gz"):
        predictions_of(tmp_path / "out", truths)


def test_what_has_no_partner_is_named(tmp_path):
    require_pairs(["a", "b"], ["b", "a"], [])
    with pytest.raises(UserError, match="prediction of every case; found none of b, c, d and 1 more; .*--allow-miss"):
        require_pairs("abcde", ["a"], [])
    with pytest.raises(UserError, match="truth of every prediction; found none of x.nii.gz; .*--allow-missing"):
        require_pairs(["a"], ["a"], [tmp_path / "x.nii.gz"])


def test_every_label_map_of_a_bare_folder_is_a_truth(tmp_path):
    for name in ("A", "B", "C_seg", "D/seg", "E_tumorMask"):
        write_mask(tmp_path / f"{name}.nii.gz", small_truth())
    assert sorted(truths_of(tmp_path, meaning="brats2017")) == ["A", "B", "C", "D", "E"]
    with pytest.raises(UserError, match="--truth-labels"):
        truths_of(tmp_path)  # what the numbers of A mean, nothing tells


@pytest.mark.parametrize("names", [("A", "A_seg"), ("A_seg", "A/seg"), ("A_seg", "A_mask"), ("A", "below/A")])
def test_two_truths_of_one_case_are_refused(tmp_path, names):
    for name in (*names, "B"):
        write_mask(tmp_path / f"{name}.nii.gz", small_truth())
    with pytest.raises(UserError, match="each case once; found A as "):
        truths_of(tmp_path, meaning="brats2017")


def test_two_label_maps_of_a_cohort_s_case_are_refused(tmp_path):
    write_truths(tmp_path, cases=2)
    write_mask(tmp_path / CASE / f"{CASE}_flair.nii.gz", small_truth())
    write_mask(tmp_path / CASE / f"{CASE}_flair.nii", small_truth())  # this one does not matter
    assert len(truths_of(tmp_path)) == 2
    write_mask(tmp_path / CASE / f"{CASE}_seg.nii", small_truth())
    with pytest.raises(UserError, match="there are two files for mask"):
        truths_of(tmp_path)


def test_files_of_a_cohort_that_may_be_label_maps_are_said(tmp_path):
    write_truths(tmp_path, cases=2)
    write_mask(tmp_path / CASE / f"{CASE}_flair.nii.gz", small_truth())
    write_mask(tmp_path / CASE / f"{CASE}_brain_mask.nii.gz", small_truth())
    assert find_truths(tmp_path, meaning=None)[1] == []
    (tmp_path / CASE / f"{CASE}_seg.nii.gz").rename(tmp_path / CASE / f"{CASE}_odd.nii.gz")
    truths, (line,) = find_truths(tmp_path, meaning=None)
    assert list(truths) == ["BraTS2021_00001"] and f"{CASE}_odd.nii.gz" in line and "not understood" in line


# === What the numbers mean ===


def meaning_of(folder, truths, **known):
    return predictions_of(folder, truths, **known)[0][CASE].meaning


def test_the_meaning_that_the_user_states_counts_most(tmp_path, truths):
    write_mask(tmp_path / "out" / f"{CASE}_seg.nii.gz", small_truth())
    assert meaning_of(tmp_path / "out", truths, meaning="msd", otherwise="brats2023") == "msd"
    assert meaning_of(tmp_path / "out", truths, otherwise="brats2023") == "brats2017"  # by its name


def test_bare_predictions_need_a_statement(tmp_path, truths):
    write_mask(tmp_path / "out" / f"{CASE}.nii.gz", small_truth())
    with pytest.raises(UserError, match="--prediction-labels"):
        meaning_of(tmp_path / "out", truths)
    assert meaning_of(tmp_path / "out", truths, otherwise="brats2023") == "brats2023"
    write_json(tmp_path / "out" / "cohort.json", {"label_convention": "msd"})
    assert meaning_of(tmp_path / "out", truths, otherwise="brats2023") == "msd"


def test_the_record_of_predict_tells(tmp_path, truths):
    write_mask(tmp_path / "out" / f"{CASE}.nii.gz", small_truth())
    write_json(tmp_path / "out" / "predictions.json", {"cases": {CASE: {"labels": {"1": "wt"}}}})
    assert meaning_of(tmp_path / "out", truths, otherwise="brats2023") == "1=wt"


@pytest.mark.parametrize("regions, meaning", [(["tc"], "1=tc"), (["wt", "tc", "et"], "2=ED,1=NCR,4=ET")])
def test_a_run_tells_by_its_regions(tmp_path, truths, regions, meaning):
    write_mask(tmp_path / "run" / "predictions" / f"{CASE}.nii.gz", small_truth())
    write_json(tmp_path / "run" / "run.json", {"regions": regions})
    assert meaning_of(tmp_path / "run", truths) == meaning
    assert meaning_of(tmp_path / "run" / "predictions", truths) == meaning


def test_regions_that_both_sides_tell_apart(tmp_path, truths):
    assert common_regions(truths, truths) == ("wt", "tc", "et", "ed", "ncr")
    write_mask(tmp_path / "out" / f"{CASE}.nii.gz", small_truth())
    for meaning, regions in (("wt", ("wt",)), ("brats2012", ("wt", "tc", "ed")), ("lesion", ())):
        assert common_regions(truths, predictions_of(tmp_path / "out", truths, meaning=meaning)[0]) == regions
