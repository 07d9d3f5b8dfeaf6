"""Which series is taken: by rule, and as stated."""

import numpy as np
import pytest

pytest.importorskip("pydicom", reason="the extra clinical is not installed")

from segan_tl.clinical.dicom.choose import choose_series  # noqa: E402
from segan_tl.clinical.dicom.series import find_series  # noqa: E402
from segan_tl.clinical.dicom.simulate import IDENTITY, write_series  # noqa: E402
from segan_tl.errors import UserError  # noqa: E402
from tests.small_dicom import edit, small_volume, write_study  # noqa: E402


def names(chosen, case="patient-1"):
    return {modality: one.name for modality, one in chosen[case].series.items()}


def grid(*spacing_mm, shape):
    return small_volume(np.diag([-spacing_mm[0], -spacing_mm[1], spacing_mm[2], 1.0]), shape=shape)


def test_the_rule(tmp_path):
    # The finest covers 20 mm; then 216 and 150 mm³; then equal voxels, more slices.
    grids = [((1, 1, 2), (20, 20, 10)), ((6, 6, 6), (20, 20, 20)), ((5, 5, 6), (24, 24, 18)), ((5, 5, 6), (24, 24, 20))]
    for number, (spacing_mm, shape) in enumerate(grids, 1):
        write_series(tmp_path / str(number), grid(*spacing_mm, shape=shape), "t1c", number=number)
    chosen = choose_series(find_series(tmp_path))
    assert names(chosen) == {"t1c": "4"}
    assert chosen["patient-1"].notes == ("patient-1: t1c is series 4, not 3, 2, 1; --series t1c=3 takes another",)
    write_series(tmp_path / "5", grid(5, 5, 6, shape=(24, 24, 20)), "t1c", number=5)
    assert names(choose_series(find_series(tmp_path))) == {"t1c": "5"}  # the last number


def test_what_is_set_aside_or_no_volume_is_not_taken_by_itself(tmp_path):
    study = write_study(tmp_path)
    edit(study["t2"], SeriesDescription="T2 SUBTRACTION")
    study["flair"][2].unlink()
    found = find_series(tmp_path)
    chosen = choose_series(found)
    assert names(chosen) == {"t1": "1", "t1c": "2"}
    (note,) = chosen["patient-1"].notes
    assert note.startswith("patient-1: series 4, flair, cannot be read: 1 slice is missing between slices 2 and 3")
    assert names(choose_series(found, ["t2=3"])) == {"t1": "1", "t1c": "2", "t2": "3"}


def test_statements_count_before_tags(tmp_path):
    write_study(tmp_path)
    found = find_series(tmp_path)
    assert names(choose_series(found)) == {"t1": "1", "t1c": "2", "t2": "3", "flair": "4"}
    assert names(choose_series(found, ["FLAIR=3"])) == {"t1": "1", "t1c": "2", "flair": "3"}
    uid = found.series[0].uid
    assert names(choose_series(found, [f"t2={uid}", "t1=3"])) == {"t1": "3", "t1c": "2", "t2": "1", "flair": "4"}


def test_a_number_of_two_cases_needs_the_case(tmp_path):
    write_study(tmp_path / "a", ("t1", "t2"), study="a")
    write_study(tmp_path / "b", ("t1",), study="b", attributes=IDENTITY | {"PatientID": "B"})
    found = find_series(tmp_path)
    with pytest.raises(UserError, match="--series t1c=1 may be patient-1/1, patient-2/1; name one of these"):
        choose_series(found, ["t1c=1"])
    chosen = choose_series(found, ["t1c=patient-2/1"])
    assert names(chosen) == {"t1": "patient-1/1", "t2": "2"} and names(chosen, "patient-2") == {"t1c": "patient-2/1"}


@pytest.mark.parametrize(
    ("stated", "sentence"),
    [
        (["flair"], "expected --series flair=3, a modality out of t1, t1c, t2, flair and a series; found flair"),
        (["flare=3"], "expected --series flair=3, .* found flare=3; write it like this"),
        (["=3"], "expected --series flair=3"),
        (["t1=9"], "there is no 9 for --series t1=9; name one of 1, 2, 3"),
        (["t1=2", "t1=3"], "expected one series for each modality; found t1=2 and t1=3; leave one out"),
        (["t1=2", "t2=2"], "expected one series for each modality; found t1=2 and t2=2; leave one out"),
        (["flair=4"], "--series flair=4: series 4 cannot be read, because 1 slice is missing between"),
    ],
)
def test_a_wrong_statement_is_one_sentence(tmp_path, stated, sentence):
    write_study(tmp_path)["flair"][2].unlink()
    with pytest.raises(UserError, match=sentence):
        choose_series(find_series(tmp_path), stated)


def test_no_series_of_a_wanted_sequence(tmp_path):
    (paths,) = write_study(tmp_path, ("t1",)).values()
    edit(paths, SeriesDescription="localizer")
    sentence = "expected a series of T1, T1c, T2 or FLAIR; found series 1, a localiser; state one"
    with pytest.raises(UserError, match=sentence):
        choose_series(find_series(tmp_path))
    edit(paths, SeriesDescription="T1", ImagePositionPatient=None)
    with pytest.raises(UserError, match="found series 1, of which 6 of its 6 slices state no place in space"):
        choose_series(find_series(tmp_path))
