"""What every training refuses before it starts."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from segan_tl.data.find.case import Case, Cohort
from segan_tl.errors import UserError
from segan_tl.workflow.patients import count_patients, name_patients, remarks
from segan_tl.workflow.splits import choose_source, limit_training


def cohort_of(*ids):
    return Cohort(Path("folder"), "plain", tuple(Case(case, {}) for case in ids))


def test_few_training_cases_are_of_many_patients():
    cases = [f"sub-{patient}_ses-{session}" for patient in range(4) for session in range(3)]
    split, patients = {"train": cases, "test": ["x"]}, cohort_of(*cases).patients
    before = set()
    for wanted in range(1, 13):
        config = SimpleNamespace(seed=0, data=SimpleNamespace(train_cases=wanted))
        chosen = set(limit_training(split, config, patients)["train"])
        # Nobody comes twice before all four have come, and fewer cases are among more.
        assert len({patients[case] for case in chosen}) == min(wanted, 4) and before < chosen
        before = chosen
    everybody = [f"p{i}" for i in range(9)]  # each with one scan: as the seed draws
    config = SimpleNamespace(seed=3, data=SimpleNamespace(train_cases=4))
    drawn = [everybody[i] for i in np.random.default_rng(3).permutation(9)[:4]]
    assert limit_training({"train": everybody}, config, dict(zip(everybody, everybody)))["train"] == sorted(drawn)


def test_a_second_cohort_with_a_scan_of_a_tested_patient_is_refused():
    first, second = cohort_of("sub-1_ses-1", "sub-2_ses-1"), cohort_of("sub-1_ses-2", "sub-3_ses-1")
    how = {"split": {"validation": ["sub-2_ses-1"], "test": ["sub-1_ses-1"]}, "patients": first.patients}
    with pytest.raises(UserError, match=r"folder holds 1 cases of the validation and test patients \(sub-1_ses-2\)"):
        choose_source(None, second, second.patients, resuming=False, **how)
    assert choose_source(None, second, ["sub-3_ses-1"], resuming=False, **how) == ["sub-3_ses-1"]


def test_what_is_said_of_patients_before_a_training():
    cohort = cohort_of("sub-1_ses-1", "sub-1_ses-2", "sub-2", "P7_1", "P7_2", "P8")
    split = {"train": ["sub-1_ses-1", "P7_1"], "validation": ["sub-1_ses-2", "P8"], "test": ["sub-2", "P7_2"]}
    alike, divided = remarks(cohort, split)
    assert alike.startswith("note: P7_1, P7_2 look like scans of one patient and count as several; if they are, say so")
    assert divided.startswith("note: this split, made before, divides 1 patient (sub-1): the scores flatter")
    assert remarks(cohort_of("a", "b"), {"train": ["a"], "validation": ["b"], "test": []}) == []
    assert count_patients(cohort.patients) == ", of 5 patients" and count_patients({"a": "a"}) == ""
    second = cohort_of("s_pre")
    assert name_patients({"test": ["sub-1_ses-2"], "source": ["s_pre"]}, cohort, second) == {
        "test": {"sub-1_ses-2": "sub-1"}, "source": {"s_pre": "s"},
    }  # fmt: skip
