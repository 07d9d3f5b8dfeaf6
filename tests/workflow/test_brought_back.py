"""What is said at the end of `predict --like`: no interval, and why, where the run has a guarantee."""

from types import SimpleNamespace

import pytest

from segan_tl.workflow.brought_back import bring_back
from tests.small_runs import small_labels, write_case


@pytest.mark.parametrize("promise", [None, object()])
def test_a_guarantee_is_said_not_to_reach_the_patient_s_own_grid(promise, tmp_path, capsys):
    write_case(tmp_path / "IN", "BraTS2021_00001", small_labels())
    arguments = SimpleNamespace(out=tmp_path / "OUT", probabilities=False)
    (tmp_path / "OUT").mkdir()
    places = {name: tmp_path / "OUT" / name for name in ("prepared", "answered")}
    bring_back(arguments, SimpleNamespace(promise=promise), tmp_path / "IN", **places, dicom_seconds=0.0)
    said = " ".join(capsys.readouterr().out.split())
    assert ("no interval of these volumes" in said) == (f"{places['answered']}/volumes.csv" in said) == bool(promise)
    assert "low_ml" not in (tmp_path / "OUT" / "volumes.csv").read_text()
