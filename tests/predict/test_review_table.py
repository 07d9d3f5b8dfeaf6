"""review.csv: worst first, and never a case of an earlier call lost."""

import csv

from segan_tl.predict.review_table import COLUMNS, is_review, review_lines, write_review


def record(predicted, *, reasons=(), **more):
    review = {"predicted_dice": predicted, "low": 0.1, "high": 0.9, "signs": {"scattered": 0.2, "distance": None}}
    return {"review": review | {"reasons": list(reasons)}, **more}


RECORDS = {
    "good": record(0.9), "none": {}, "old": {"review": None},
    "bad": record(0.3, reasons=["scattered"], unlike_training=["dark"], doubtful=["in air"]),
}  # fmt: skip


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_worst_first_with_reasons(tmp_path):
    write_review(tmp_path / "review.csv", RECORDS, flag_below=0.5)
    bad, good = rows_of(tmp_path / "review.csv")
    assert (bad["case"], good["case"]) == ("bad", "good") and tuple(bad) == COLUMNS
    assert bad["reasons"] == "scattered; unlike the training: dark; in air" and good["reasons"] == ""
    assert (bad["flagged"], good["flagged"]) == ("yes", "no") and is_review(tmp_path / "review.csv")
    assert (bad["predicted_dice"], bad["scattered"], bad["distance"], bad["disagreement"]) == ("0.3", "0.2", "", "")


def test_without_a_limit_nobody_is_flagged(tmp_path):
    write_review(tmp_path / "review.csv", RECORDS, flag_below=None)
    assert [row["flagged"] for row in rows_of(tmp_path / "review.csv")] == ["", ""]


def test_no_table_for_nobody_but_one_that_is_there_is_kept_true(tmp_path):
    write_review(tmp_path / "review.csv", {"none": {}}, flag_below=None)
    assert not (tmp_path / "review.csv").exists()
    write_review(tmp_path / "review.csv", RECORDS, flag_below=None)
    write_review(tmp_path / "review.csv", {"none": {}}, flag_below=None)
    assert rows_of(tmp_path / "review.csv") == []


def test_what_is_said(tmp_path):
    said = review_lines(RECORDS, tmp_path / "review.csv", flag_below=0.5)
    assert said[0] == "1 of 2 cases is flagged: Dice below 0.5 expected (bad)" and str(tmp_path) in said[1]
    unflagged = review_lines(RECORDS, tmp_path, flag_below=0.2)
    assert unflagged[0] == "0 of 2 cases are flagged: Dice below 0.2 expected"
    # "bad" is doubtful by what is said of it anyway; where it is flagged that need not be said twice.
    assert unflagged[1] == "doubtful by the remarks above, though not flagged: bad" and "doubtful" not in " ".join(said)
    assert len(review_lines(RECORDS, tmp_path, flag_below=None)) == 1
    assert review_lines({"none": {}}, tmp_path, flag_below=0.5) == []


def test_a_table_of_somebody_else(tmp_path):
    (tmp_path / "review.csv").write_text("case,grade\n")
    assert not is_review(tmp_path / "review.csv") and not is_review(tmp_path / "absent.csv")
