"""The cohort of a training: what is said where it is found."""

from types import SimpleNamespace

import pytest

from segan_tl.config.load import load_config
from segan_tl.errors import UserError
from segan_tl.workflow.cohort import check_cohorts, find_cohort
from tests.data.find.test_case import touch


def test_training_says_which_files_it_does_not_use(tmp_path, capsys):
    arguments = SimpleNamespace(data=tmp_path, patients=None)
    touch(tmp_path / "P1", "P1_flair.nii.gz", "P1_seg.nii.gz")
    assert len(find_cohort(arguments, load_config("quickstart")).cases) == 1
    assert capsys.readouterr().out == ""
    touch(tmp_path / "P1", *(f"P1_odd{number}.nii.gz" for number in range(5)))
    find_cohort(arguments, load_config("quickstart"))
    assert capsys.readouterr().out == (
        f"5 image files of {tmp_path} not used (P1/P1_odd0.nii.gz, P1/P1_odd1.nii.gz, P1/P1_odd2.nii.gz and 2 more); "
        "`python -m segan_tl check` says why\n"
    )


def test_synthetic_patients_beside_patients_only_where_that_is_meant():
    arguments = SimpleNamespace(data="patients", source_data=None)
    check_cohorts(arguments, load_config("segan_cpu", ["source.synthetic=true"]))
    with pytest.raises(UserError, match="add --set source.synthetic=true"):
        check_cohorts(arguments, load_config("segan_cpu", ["source.share=0.5"]))
    # The first cohort, which is tested, is never simulated beside a folder.
    with pytest.raises(UserError, match="the first cohort, which is tested"):
        check_cohorts(SimpleNamespace(data=None, source_data="a"), load_config("segan_cpu", ["source.synthetic=true"]))
