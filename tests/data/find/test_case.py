"""Every layout that is recognised, built as empty files: finding cases never opens an image."""

import pytest

from segan_tl.data.find.cases import case_from_file, find_cases
from segan_tl.errors import UserError


def touch(folder, *names):
    """Make empty files (and the folders they need)."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names_of(case) -> dict[str, str]:
    return {modality: source.path.name for modality, source in case.images.items()}


def brats2021(folder, case_id, suffix=".nii.gz"):
    touch(folder / case_id, *(f"{case_id}_{part}{suffix}" for part in ("t1", "t1ce", "t2", "flair", "seg")))


def brats2023(folder, case_id):
    touch(folder / case_id, *(f"{case_id}-{part}.nii.gz" for part in ("t1n", "t1c", "t2w", "t2f", "seg")))


# === BraTS ===


@pytest.mark.parametrize(
    ("case_id", "layout"),
    [
        ("Brats17_TCIA_167_1", "brats2017-2020"),
        ("Brats18_CBICA_AAM_1", "brats2017-2020"),
        ("BraTS19_CBICA_AAB_1", "brats2017-2020"),
        ("BraTS20_Training_001", "brats2017-2020"),
        ("BraTS2021_00000", "brats2021"),
        ("phantom-glioma-3t-0001", "brats2021"),
        ("my patient 7", "brats2021"),
    ],
)
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".NII.GZ"])
def test_brats_2017_to_2021(tmp_path, case_id, layout, suffix):
    brats2021(tmp_path, case_id, suffix)
    cohort = find_cases(tmp_path)
    (case,) = cohort.cases
    assert cohort.layout == layout
    assert (case.id, case.convention, case.grade) == (case_id, "brats2017", "unknown")
    assert names_of(case) == {
        "t1": f"{case_id}_t1{suffix}",
        "t1c": f"{case_id}_t1ce{suffix}",
        "t2": f"{case_id}_t2{suffix}",
        "flair": f"{case_id}_flair{suffix}",
    }
    assert case.mask.path.name == f"{case_id}_seg{suffix}"


@pytest.mark.parametrize("case_id", ["BraTS-GLI-00005-100", "BraTS-MET-00001-000", "BraTS-SSA-00002-000"])
def test_brats_2023_and_2024(tmp_path, case_id):
    brats2023(tmp_path, case_id)
    cohort = find_cases(tmp_path)
    (case,) = cohort.cases
    assert (cohort.layout, case.id, case.convention) == ("brats2023", case_id, "brats2023")
    assert names_of(case) == {
        "t1": f"{case_id}-t1n.nii.gz",
        "t1c": f"{case_id}-t1c.nii.gz",
        "t2": f"{case_id}-t2w.nii.gz",
        "flair": f"{case_id}-t2f.nii.gz",
    }


def test_labels_of_paediatric_brats_are_not_guessed(tmp_path):
    brats2023(tmp_path, "BraTS-PED-00001-000")
    assert find_cases(tmp_path).cases[0].convention == "unknown"


def test_meningioma_radiotherapy_has_one_image_and_a_lesion(tmp_path):
    touch(
        tmp_path,
        "BraTS-MEN-RT-0001-1/BraTS-MEN-RT-0001-1_t1c.nii.gz",
        "BraTS-MEN-RT-0001-1/BraTS-MEN-RT-0001-1_gtv.nii.gz",
    )
    (case,) = find_cases(tmp_path).cases
    assert (list(case.images), case.convention) == (["t1c"], "lesion")


@pytest.mark.parametrize(
    ("case_id", "grade"), [("BRATS_HG0015", "HGG"), ("BRATS_LG0001", "LGG"), ("SimBRATS_HG0001", "HGG")]
)
def test_brats_2012(tmp_path, case_id, grade):
    touch(tmp_path / case_id, *(f"{case_id}_{part}.mha" for part in ("FLAIR", "T1", "T1C", "T2", "truth")))
    cohort = find_cases(tmp_path)
    (case,) = cohort.cases
    assert (cohort.layout, case.id, case.convention, case.grade) == ("brats2012", case_id, "brats2012", grade)
    assert names_of(case)["t1c"] == f"{case_id}_T1C.mha"


def vsd(folder, start=54512):
    for number, part in enumerate(["XX.O.MR_Flair", "XX.O.MR_T1", "XX.O.MR_T1c", "XX.O.MR_T2", "XX.XX.OT"]):
        name = f"VSD.Brain{'_3more' if 'OT' in part else ''}.{part}.{start + number}"
        touch(folder / name, f"{name}.mha", f"{name}.txt")


def test_brats_2015(tmp_path):
    vsd(tmp_path / "HGG" / "brats_2013_pat0001_1")
    vsd(tmp_path / "LGG" / "brats_2013_pat0004_1")
    cohort = find_cases(tmp_path)
    assert cohort.layout == "brats2013-2015"
    assert [(case.id, case.grade, case.convention) for case in cohort.cases] == [
        ("brats_2013_pat0001_1", "HGG", "brats2015"),
        ("brats_2013_pat0004_1", "LGG", "brats2015"),
    ]
    assert names_of(cohort.cases[0])["t1c"] == "VSD.Brain.XX.O.MR_T1c.54514.mha"
    assert cohort.cases[0].mask.path.name == "VSD.Brain_3more.XX.XX.OT.54516.mha"


def test_brats_2013_counts_each_grade_from_1(tmp_path):
    vsd(tmp_path / "Image_Data" / "HG" / "0001")
    vsd(tmp_path / "Image_Data" / "LG" / "0001")
    assert [case.id for case in find_cases(tmp_path).cases] == ["HGG_0001", "LGG_0001"]


def test_grade_folders(tmp_path):
    brats2021(tmp_path / "HGG", "Brats17_1")
    brats2021(tmp_path / "LGG", "Brats17_2")
    assert [case.grade for case in find_cases(tmp_path).cases] == ["HGG", "LGG"]


def test_name_mapping_gives_the_grade(tmp_path):
    brats2021(tmp_path, "BraTS20_Training_001")
    brats2021(tmp_path, "BraTS20_Training_002")
    (tmp_path / "name_mapping.csv").write_text(
        "Grade,BraTS_2017_subject_ID,BraTS_2020_subject_ID\n"
        "HGG,Brats17_CBICA_AAB_1,BraTS20_Training_001\n"
        "LGG,NA,BraTS20_Training_002\n"
    )
    assert [case.grade for case in find_cases(tmp_path).cases] == ["HGG", "LGG"]


def test_the_odd_label_name_of_brats_2020(tmp_path):
    brats2021(tmp_path, "BraTS20_Training_355", ".nii")
    folder = tmp_path / "BraTS20_Training_355"
    (folder / "BraTS20_Training_355_seg.nii").rename(folder / "W39_1998.09.19_Segm.nii")
    (case,) = find_cases(tmp_path).cases
    assert (case.id, case.mask.path.name, case.convention) == (
        "BraTS20_Training_355",
        "W39_1998.09.19_Segm.nii",
        "brats2017",
    )


# === Plain folders ===


def test_plain_case_folders(tmp_path):
    for name in ("patient07", "patient26"):
        touch(tmp_path / name, *(f"{part}.nii.gz" for part in ("FLAIR", "T1", "T1POST", "T2", "GOLD_STANDARD")))
    cohort = find_cases(tmp_path)
    assert (cohort.layout, [case.id for case in cohort.cases]) == ("plain", ["patient07", "patient26"])
    assert cohort.cases[0].convention == "lesion"
    assert names_of(cohort.cases[0])["t1c"] == "T1POST.nii.gz"


def test_labels_of_a_plain_folder_are_not_guessed(tmp_path):
    touch(tmp_path / "a", "flair.nii.gz", "seg.nii.gz")
    assert find_cases(tmp_path).cases[0].convention == "unknown"


def test_normalised_brats_2015(tmp_path):
    names = ("Flair_subtrMeanDivStd", "T1c_subtrMeanDivStd", "OTMultiClass", "brainmask")
    touch(tmp_path / "brats_2013_pat0001_1", *(f"{name}.nii.gz" for name in names))
    cohort = find_cases(tmp_path)
    (case,) = cohort.cases
    assert (cohort.layout, case.convention, sorted(case.images)) == ("brats2013-2015", "brats2015", ["flair", "t1c"])


def test_image_and_label(tmp_path):
    touch(tmp_path, "brain1_image.nrrd", "brain1_label.nrrd")
    (tmp_path / "cohort.json").write_text('{"modalities": {"image": "t1c"}}')
    cohort = find_cases(tmp_path)
    (case,) = cohort.cases
    assert (cohort.layout, case.id, list(case.images), case.convention) == ("image-label", "brain1", ["t1c"], "lesion")


def test_loose_files(tmp_path):
    touch(tmp_path, "a_flair.nii.gz", "a_t1.nii.gz", "b_flair.nii.gz", "b_seg.nii.gz")
    assert [(case.id, len(case.images)) for case in find_cases(tmp_path).cases] == [("a", 2), ("b", 1)]


def test_images_and_labels_in_two_folders(tmp_path):
    touch(tmp_path, "images/a_flair.nii.gz", "images/b_flair.nii.gz", "labels/a_seg.nii.gz", "labels/b_seg.nii.gz")
    assert [(case.id, case.mask.path.name) for case in find_cases(tmp_path).cases] == [
        ("a", "a_seg.nii.gz"),
        ("b", "b_seg.nii.gz"),
    ]


# === What else lies about ===


def test_a_folder_inside_a_folder(tmp_path):
    brats2021(tmp_path / "archive" / "BraTS2021_Training_Data", "BraTS2021_00000")
    assert [case.id for case in find_cases(tmp_path).cases] == ["BraTS2021_00000"]


def test_a_single_case_folder_and_its_neighbours_cohort_json(tmp_path):
    brats2021(tmp_path, "case-1")
    brats2021(tmp_path, "case-2")
    (tmp_path / "cohort.json").write_text('{"label_convention": "brats2023", "synthetic": true}')
    cohort = find_cases(tmp_path / "case-1")
    assert [(case.id, case.convention) for case in cohort.cases] == [("case-1", "brats2023")]
    assert cohort.settings["synthetic"] is True


def test_a_relative_path_to_the_case_folder_itself(tmp_path, monkeypatch):
    touch(tmp_path / "patient 1", "FLAIR.nii.gz")
    monkeypatch.chdir(tmp_path / "patient 1")
    assert find_cases(".").cases[0].id == "patient 1"


def test_hidden_and_foreign_files_are_passed_over(tmp_path):
    brats2021(tmp_path, "BraTS2021_00000")
    touch(tmp_path, ".DS_Store", "._x", "readme.txt", "survival.csv", "__MACOSX/a_flair.nii.gz")
    touch(
        tmp_path / "BraTS2021_00000",
        "._BraTS2021_00000_flair.nii.gz",
        ".hidden_t1.nii.gz",
        "BraTS2021_00000_adc.nii.gz",
    )
    cohort = find_cases(tmp_path)
    assert [len(case.images) for case in cohort.cases] == [4]
    assert cohort.cases[0].problems == ()


def test_links_are_followed_and_loops_are_not(tmp_path):
    brats2021(tmp_path / "store", "BraTS2021_00000")
    (tmp_path / "cohort").mkdir()
    (tmp_path / "cohort" / "BraTS2021_00000").symlink_to(tmp_path / "store" / "BraTS2021_00000")
    (tmp_path / "cohort" / "loop").symlink_to(tmp_path / "cohort")
    assert [case.id for case in find_cases(tmp_path / "cohort").cases] == ["BraTS2021_00000"]


def test_a_missing_modality_is_no_reason_not_to_find_the_case(tmp_path):
    brats2021(tmp_path, "BraTS2021_00000")
    (tmp_path / "BraTS2021_00000" / "BraTS2021_00000_t1.nii.gz").unlink()
    assert sorted(find_cases(tmp_path).cases[0].images) == ["flair", "t1c", "t2"]


def test_two_files_for_one_modality_are_a_problem_of_the_case(tmp_path):
    brats2021(tmp_path, "a")
    touch(tmp_path / "a", "a_flair.nii")
    (problem,) = find_cases(tmp_path).cases[0].problems
    assert problem.reason == "there are two files for flair: a_flair.nii and a_flair.nii.gz"


def test_participants(tmp_path):
    brats2021(tmp_path, "case-1")
    (tmp_path / "participants.tsv").write_text("participant_id\tgrade\tsite\tfield_strength\ncase-1\tLGG\tA\t1.5\n")
    (case,) = find_cases(tmp_path).cases
    assert (case.grade, case.attributes) == ("LGG", {"grade": "LGG", "site": "A", "field_strength": "1.5"})


# === Refusals ===


def test_the_same_case_twice_is_refused(tmp_path):
    brats2021(tmp_path / "one", "BraTS2021_00000")
    brats2021(tmp_path / "two", "BraTS2021_00000")
    with pytest.raises(UserError, match="found BraTS2021_00000 in .*one.* and in .*two"):
        find_cases(tmp_path)


def test_mixed_layouts_are_refused(tmp_path):
    brats2021(tmp_path, "BraTS2021_00000")
    brats2023(tmp_path, "BraTS-GLI-00000-000")
    with pytest.raises(UserError, match=r"brats2021 \(BraTS2021_00000\) and brats2023 \(BraTS-GLI-00000-000\)"):
        find_cases(tmp_path)


def test_an_unknown_folder_says_what_was_sought_and_found(tmp_path):
    touch(tmp_path, *(f"photo{number}.png" for number in range(7)), "strange.nii.gz")
    with pytest.raises(
        UserError, match="expected BraTS 2012-2024 .* found photo0.png, .* and 3 more in .*; give the folder"
    ):
        find_cases(tmp_path)


def test_an_empty_folder(tmp_path):
    with pytest.raises(UserError, match="found nothing in"):
        find_cases(tmp_path)


def test_no_folder(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        find_cases(tmp_path / "no")


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[1]",
        '{"label_convention": "brats1066"}',
        '{"label_convention": {"1": "TUMOR"}}',
        '{"modalities": {"image": "t7"}}',
    ],
)
def test_an_unreadable_cohort_json_is_refused(tmp_path, content):
    brats2021(tmp_path, "a")
    (tmp_path / "cohort.json").write_text(content)
    with pytest.raises(UserError, match="cohort.json"):
        find_cases(tmp_path)


# === One file ===


def test_one_file(tmp_path):
    touch(tmp_path, "scan.nii.gz", "a_flair.nii.gz")
    case = case_from_file(tmp_path / "scan.nii.gz", "t2")
    assert (case.id, names_of(case), case.mask) == ("scan", {"t2": "scan.nii.gz"}, None)
    assert list(find_cases(tmp_path / "a_flair.nii.gz").cases[0].images) == ["flair"]
    with pytest.raises(UserError, match="name the modality"):
        find_cases(tmp_path / "scan.nii.gz")
    with pytest.raises(UserError, match="out of t1, t1c, t2, flair"):
        case_from_file(tmp_path / "scan.nii.gz", "pd")
    with pytest.raises(UserError, match="check the name"):
        case_from_file(tmp_path / "gone.nii.gz", "t2")
