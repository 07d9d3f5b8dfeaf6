"""What is refused before work begins."""

import pytest

from segan_tl.errors import UserError
from segan_tl.report.score.masks import find_predictions, find_truths
from segan_tl.report.score.preflight import check_headers, prepare_folder, refuse_faults, require_table_path
from tests.small_masks import small_truth, write_mask, write_truths


def test_where_a_table_can_be_written(tmp_path):
    require_table_path(tmp_path / "new" / "deep" / "a.csv")
    assert not (tmp_path / "new").exists()
    with pytest.raises(UserError, match="ends in .csv"):
        require_table_path(tmp_path / "a.txt")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file is no folder"):
        require_table_path(tmp_path / "file" / "a.csv")


def test_a_folder_is_made_and_tried(tmp_path):
    prepare_folder(tmp_path / "new" / "a.csv")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write .*a.csv: .*; check the folder, or choose another one"):
        prepare_folder(tmp_path / "file" / "a.csv")


def test_headers_of_all_cases_are_looked_at(tmp_path):
    truths, _ = find_truths(write_truths(tmp_path / "truths", cases=4), meaning=None)
    names = list(truths)
    write_mask(tmp_path / "out" / f"{names[0]}.nii.gz", small_truth())
    write_mask(tmp_path / "out" / f"{names[1]}.nii.gz", small_truth()[1:])
    write_mask(tmp_path / "out" / f"{names[2]}.nii.gz", small_truth(), shift_mm=3)
    (tmp_path / "out" / f"{names[3]}.nii.gz").write_bytes(b"nothing")
    predictions, _ = find_predictions(tmp_path / "out", truths, meaning="brats2017")
    faults = check_headers(truths, predictions)
    assert list(faults) == names[1:]
    assert "its grid is 7×7×6" in faults[names[1]] and "3 mm away" in faults[names[2]] and names[3] in faults[names[3]]


def test_all_faults_stand_in_one_message():
    refuse_faults({}, total=9)
    with pytest.raises(UserError, match="^found a; or leave it out with --skip-bad-cases$"):
        refuse_faults({"a": "found a"}, total=9)
    with pytest.raises(UserError, match=r"found 7 of 9 cases(.|\n)*\n  why e\n  and 2 more$"):
        refuse_faults({name: f"why {name}" for name in "abcdefg"}, total=9)
    with pytest.raises(UserError, match="found at least 5 of 9 cases"):
        refuse_faults({name: f"why {name}" for name in "abcde"}, total=9, all_seen=False)
