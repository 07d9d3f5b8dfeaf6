"""Who is who: the namings of public datasets, what the data states, and the table that a user gives."""

import time

import pytest

from segan_tl.data.find.case import Case, Cohort
from segan_tl.data.find.patients import check_statement, is_visit, patient_by, patient_of, read_patients, state_patients
from segan_tl.errors import UserError

# Scans of one patient, as the datasets name them; scans of different lines are of different people.
ONE_PATIENT = [
    ("sub-01_ses-01", "sub-01_ses-02", "sub-01", "sub-01_ses-pre_run-2"),
    ("sub-stroke0001_ses-0001", "sub-stroke0001_ses-0002"),
    ("sub-010_ses-01",),
    ("brats_tcia_pat153_0002", "brats_tcia_pat153_0109", "brats_tcia_pat153_0294", "Brats17_TCIA_153_1"),
    ("brats_tcia_pat154_0002",),
    ("brats_2013_pat0001_1", "Brats17_2013_1_1", "Brats18_2013_1_1", "BraTS19_2013_1_1"),
    ("brats_2013_pat0010_1", "Brats18_2013_10_1"),
    ("brats_2013_pat0011_1",),
    ("Brats17_CBICA_AAB_1", "Brats18_CBICA_AAB_1", "BraTS19_CBICA_AAB_1"),
    ("Brats18_CBICA_AAG_1",),
    ("Brats17_TCIA_131_1", "Brats18_TCIA01_131_1", "BraTS19_TCIA01_131_1"),
    ("Brats18_TCIA13_654_1",),
    ("BraTS19_TMC_06374_1",),
    ("BraTS20_Training_001",),
    ("BraTS20_Training_002",),
    ("BraTS20_Validation_001",),
    ("BraTS2021_00495", "BraTS-GLI-00495-000"),
    ("BraTS2021_00496",),
    ("BraTS-GLI-02405-100", "BraTS-GLI-02405-101"),
    ("BraTS-MEN-00009-000",),
    ("BraTS-MET-00009-000", "BraTS-MET-00009-001"),
    ("BraTS-PED-00009-000",),
    ("BraTS-SSA-00009-000",),
    ("BraTS-MEN-RT-0002-1",),
    ("BraTS-MEN-RT-0003-1",),
    ("BraTS-GoAT-00000",),
    ("BraTS-GoAT-00001",),
    ("BraTSReg_001_00_0000", "BraTSReg_001_01_0106"),
    ("BraTSReg_002_00_0000",),
    ("BRATS_001",),
    ("BRATS_002",),
    ("BRATS_HG0001",),
    ("SimBRATS_HG0001",),
    ("UCSF-PDGM-0004",),
    ("UCSF-PDGM-0429", "UCSF-PDGM-0429_FU003d"),
    ("UCSF-PDGM-0391_FU016d",),
    ("100101A", "100101B"),
    ("100102A",),
    ("100010_time1", "100010_time2"),
    ("UPENN-GBM-00001_11", "UPENN-GBM-00001_21"),
    ("UPENN-GBM-00002_11",),
    ("RHUH-0001_0", "RHUH-0001_1", "RHUH-0001_2"),
    ("RHUH-0002_0",),
    ("UCSD-PTGBM-0001_01", "UCSD-PTGBM-0001_02"),
    ("PatientID_0003_Timepoint_1", "PatientID_0003_Timepoint_2"),
    ("PatientID_0004_Timepoint_1",),
    ("Patient-001_week-000-1", "Patient-001_week-000-2", "Patient-001_week-044"),
    ("Patient-002_week-000",),
    ("TCGA-02-0006_1998.08.23", "TCGA-02-0006_1996.08.23", "TCGA_02_0006_19980823"),
    ("TCGA-02-0009_1997.06.14",),
    ("TCGA_CS_4941_19960909",),
    ("W39_1998.09.19", "W39_1997.08.12"),
    ("W3_1998.09.19",),
    ("C3L-00016",),
    ("C3N-00016",),
    ("PGBM-001_1", "PGBM-001_2"),
    ("QIN-GBM-TR-10_1", "QIN-GBM-TR-10_2"),
    ("ReMIND-001_preop", "ReMIND-001_intraop"),
    ("ReMIND-002_preop",),
    ("YG_0IA9KQJB2MEN_2012-09-12_POST", "YG_0IA9KQJB2MEN_2014-01-30_POST"),
    ("BCBM-RadioGenomics-0-0", "BCBM-RadioGenomics-0-1"),
    ("BCBM-RadioGenomics-1-0",),
    ("training01_01", "training01_02"),
    ("training02_01",),
    ("P1_T1", "P1_T2", "P1_T3"),
    ("P2_T1",),
    ("OAS1_0001_MR1", "OAS1_0001_MR2"),
    ("OAS1_0002_MR1",),
    ("002_S_0295_I13722", "002_S_0295_I45108"),
    ("case12_pre", "case12_post", "case12_baseline", "case12-followup", "case12_followup2", "case12_preop"),
    ("case13_ses-1", "case13-visit2", "case13_time01", "case13_scan_3", "case13_tp1", "case13_fu1", "case13_bl"),
    ("case14_20190312", "case14_2020-01-07", "case14_visit3_2020.02.07", "case14_m06", "case14_d0129"),
    ("case15_pre_op", "case15_postop2", "case15-post-RT", "case15_6months", "case15_ses-pre", "case15_progression"),
    ("case16_12mo", "case16_T0", "case16_V1", "case16_followup-1", "case16_second"),
    ("smith_pre", "smith_post"),
    ("siteA_patient01_1", "siteA_patient01_2"),
    ("siteB_patient01_1",),
    ("subject7_1", "subject7_2"),
    ("pat153_0002", "pat153_0109"),
    # Names of people, whatever number ends them.
    ("case_1",),
    ("case_2",),
    ("P7_1",),
    ("P7_2",),
    ("HGG_1",),
    ("HGG_2",),
    ("LGG-104",),
    ("VS-SEG-001",),
    ("900-00-5299",),
    ("900-00-5308",),
    ("IXI002-Guys-0828",),
    ("glioma_scan1",),
    ("glioma_scan2",),
    ("site2_scan5",),
    ("site2_scan6",),
    ("MR_20190312",),
    ("12345678",),
    ("phantom-glioma-3t-0001",),
    ("phantom-glioma-3t-0002",),
    ("phantom-glioma-1.5t-0001",),
]


def test_scans_of_one_patient_are_joined_and_nobody_else():
    patients = [{patient_of(case) for case in cases} for cases in ONE_PATIENT]
    assert [cases for cases, found in zip(ONE_PATIENT, patients) if len(found) > 1] == []
    owners = [patient for found in patients for patient in found]
    assert sorted({patient for patient in owners if owners.count(patient) > 1}) == []


def test_the_patient_of_a_single_scan_keeps_its_name():
    for case in ("case_1", "BraTS20_Training_001", "BRATS_001", "sub-01", "phantom-glioma-3t-0001", "P7_1", "t1"):
        assert patient_of(case) == case


def test_a_long_name_takes_no_time():
    start = time.monotonic()
    for case in ("_pre" * 60 + "x", "_" * 250, "a1_time1-2" * 25, "patient" * 36, "1_d1-2-3" * 30 + "!"):
        assert patient_of(case)
    assert time.monotonic() - start < 0.5


@pytest.mark.parametrize(
    "name, expected",
    [
        ("week-000-1", True), ("2019-03-12", True), ("20190312", True), ("pre", True), ("Timepoint_2", True),
        ("ses-1", True), ("W39", False), ("7", False), ("HGG", False), ("case_1", False), ("20191312", False),
    ],
)  # fmt: skip
def test_names_of_visits(name, expected):
    assert is_visit(name) is expected


# === What the data says ===


def cohort(tmp_path, *ids):
    return Cohort(tmp_path, "plain", tuple(Case(case, {}) for case in ids))


@pytest.mark.parametrize(
    "text",
    ["case,patient\na,x\nb,x\n", "patient\tage\tcase\nx\t7\ta\nx\t8\tb\n", "\ufeffcase;patient\r\na;x\r\nb; x\r\n\r\n"],
)
def test_a_table_says_who_is_who(tmp_path, text):
    path = tmp_path / "who.csv"
    path.write_text(text, encoding="utf-8")
    assert read_patients(path) == {"a": "x", "b": "x"}
    stated = state_patients(cohort(tmp_path, "a", "b", "c"), path)
    assert stated.patients == {"a": "x", "b": "x", "c": "c"}


@pytest.mark.parametrize(
    "text, message",
    [
        ("", r"who.csv is damaged: expected the columns case and patient; found none; give a table with a line case,"),
        ("case,subject\na,x\n", r"expected the column patient; found case, subject; give a table"),
        ("case,patient\na,x,y\n", r"expected 2 cells, found 3 in line 2; give a table"),
        ("case,patient\n", r"expected a line for each case in .*who.csv; found none"),
        ("case,patient\na,x\na,x\n", r"expected each case once in .*who.csv; found a again in line 3"),
        ("case,patient\na,\n", r"expected a case and its patient in line 2 of .*who.csv; one is empty"),
        ("case,patient\na\n", r"expected a case and its patient in line 2 of .*who.csv; one is empty"),
        ("case,patient\nz,x\na,x\n", r"who.csv names 1 case not in .* \(z\); there is, for example, a;"),
    ],
)
def test_a_table_that_says_it_wrongly(tmp_path, text, message):
    path = tmp_path / "who.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        state_patients(cohort(tmp_path, "a", "b"), path)


@pytest.mark.parametrize(
    "content, message",
    [(None, "is missing"), (b"\xff\xfe\x00case", "no CSV file in UTF-8"), ("folder", "who.csv")],
)
def test_a_table_that_cannot_be_read(tmp_path, content, message):
    path = tmp_path / "who.csv"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_patients(path)


def test_patterns():
    assert patient_by("{patient}_*", "smith_2_post") == "smith_2"  # at the last underscore
    assert patient_by("scan-*-{patient}", "scan-7-smith") == "smith"
    assert patient_by({"a": "x"}, "a") == "x" and patient_by({"a": "x"}, "b") is None
    with pytest.raises(UserError, match=r"'\{patient\}_\*', which does not fit the case smith"):
        patient_by("{patient}_*", "smith")


@pytest.mark.parametrize("statement", ["*_1", "{patient}{patient}", 7, {"a": 7}, {"a": ""}, ["a"], None])
def test_statements_that_are_none(tmp_path, statement):
    with pytest.raises(UserError, match=r'expected "patients" such as .* in .*cohort.json; found'):
        check_statement(statement, tmp_path / "cohort.json")
