"""What the names of real datasets say, and what no name may be taken for."""

from pathlib import Path

import pytest

from segan_tl.data.find.layouts import MASK, UNKNOWN_CONVENTION, parse_name, recognise_layout


def said(name: str) -> tuple[str, str] | None:
    """Return case and role that a file name gives."""
    named = parse_name(Path("somewhere") / name)
    return named and (named.case_id, named.role)


@pytest.mark.parametrize(
    ("names", "case_id"),
    [
        ("{}_t1 {}_t1ce {}_t2 {}_flair {}_seg", "BraTS2021_00000"),
        ("{}_t1 {}_t1ce {}_t2 {}_flair {}_seg", "FeTS2022_00000"),
        ("{}-t1n {}-t1c {}-t2w {}-t2f {}-seg", "BraTS-GLI-00000-000"),
        ("{}_t1 {}_t1ce {}_t2 {}_flair", "BraTSReg_001_01_0106"),
        ("{}_T1 {}_T1c {}_T2 {}_FLAIR {}_tumor_segmentation", "UCSF-PDGM-0004"),
        ("{}_T1_bias {}_T1c_bias {}_T2_bias {}_FLAIR_bias", "UCSF-PDGM-0004"),
        ("{}_t1 {}_t1ce {}_t2 {}_flair {}_seg", "100010_time1"),
        ("{}_T1 {}_T1GD {}_T2 {}_FLAIR {}_segm", "UPENN-GBM-00001_11"),
        ("{}_T1_unstripped {}_T1GD_unstripped {}_T2_unstripped {}_FLAIR_unstripped {}_automated_approx_segm",
         "UPENN-GBM-00001_11"),
        ("{}_t1 {}_t1ce {}_t2 {}_flair {}_segmentations", "RHUH-0001_0"),
        ("{}_brain_t1n {}_brain_t1c {}_brain_t2w {}_brain_t2f {}_tumorMask", "PatientID_0003_Timepoint_1"),
        ("{}_t1 {}_t1Gd {}_t2 {}_flair {}_GlistrBoost_ManuallyCorrected", "TCGA-02-0006_1996.08.23"),
        ("{}_T1 {}_T1GD {}_T2 {}_FLAIR {}_tumor_mask", "EGD-0001"),
        ("T1 CT1 T2 FLAIR", ""),
        ("t1 t1ce t2 flair", ""),
        ("T1 T1GD T2 FLAIR MASK", ""),
        ("T1_preprocessed GADO_preprocessed T2_preprocessed FLAIR_preprocessed Consensus", ""),
        ("T1_r2s_bet_reg CT1_r2s_bet_reg T2_r2s_bet_reg FLAIR_r2s_bet_reg", ""),
        ("{}_T1pre {}_T1post {}_T2 {}_FLAIR {}_seg", "100101A"),
        ("{}_T1W {}_T1-Gd {}_T2W {}_T2-FLAIR {}_tumour_mask", "Müller 7"),
        ("{}_t1w {}_T1wce {}_t2w {}_t2_flair {}_seg_final", "p\n1"),
        ("{}_t1 {}_t1_ce {}_t2 {}_fla {}_manual_seg", "a.b-c"),
        ("{}_t1 {}_t1_gd {}_t2 {}_flair_n4 {}_lesion_mask", "pat 1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nii.bz2"])
def test_real_datasets(names, case_id, suffix):
    roles = ("t1", "t1c", "t2", "flair", MASK)
    for name, role in zip(names.replace(" {}", "|{}").split("|") if "{}" in names else names.split(), roles):
        assert said(name.format(case_id) + suffix) == (case_id, role)


@pytest.mark.parametrize(
    ("names", "convention"),
    [
        ("BraTS-GLI-00000-000-t1n BraTS-GLI-00000-000-seg", "brats2023"),
        ("7-t2f 7-seg", "brats2023"),  # words of 2023
        ("BraTS-PED-00001-000-t1n BraTS-PED-00001-000-seg", UNKNOWN_CONVENTION),
        ("S1-FLAIR-brain S1-seg", UNKNOWN_CONVENTION),  # a dash alone says nothing of labels
        ("S1-FLAIR S1-lesion", "lesion"),
    ],
)
def test_what_labels_mean_is_not_guessed_from_a_dash(names, convention):
    files = [parse_name(Path("somewhere") / f"{name}.nii.gz") for name in names.split()]
    assert recognise_layout(files) == ("brats2023", convention)


@pytest.mark.parametrize("name", ["wmh", "seg", "truth", "GOLD_STANDARD", "consensus_gt", "OTMultiClass", "lesion"])
def test_label_maps_that_are_named_alone(name):
    assert said(f"{name}.nii.gz") == ("", MASK)


@pytest.mark.parametrize(
    "name",
    "brain_mask brainmask Brain_Mask P1_brain_mask P1_brainMask P1_brain_segmentation P1_brain_parenchyma_segmentation "
    "P1_bet_mask P1_skull_mask P1_wm_mask P1_WM-seg P1_csf_seg P1_GM_mask P1_tissue_seg P1_T1_seg T1_seg P1_T1_mask "
    "P1_T1_brain_mask T1_brain_seg P1_white_matter_mask P1_ventricles_seg P1_roi_mask P1_FLAIR_lesion_prob "
    "P1_atlas_label P1_aparc+aseg P1_head_mask P1_valid_mask T1_fast_seg ct1_seg_mask segmentation_CT1_origspace "
    "flair_seg_label1".split(),
)  # fmt: skip
def test_no_other_mask_is_a_tumour(name):
    assert said(f"{name}.nii.gz") is None


@pytest.mark.parametrize(
    "name",
    "P1_adc P1_DWI P1_ADC_map P1_SWI P1_T1map P1_t1_map P1_T2star P1_t2_star P1_PD 3DT1 P1_t1_to_flair P1_T1_in_T2 "
    "P1_t12 P1_postgad T1_fast_bias P1_lesion_t1 P1_t1_mprage P1_ct P1_DSC P1_ASL mprage strange".split(),
)
def test_no_other_image_is_a_modality(name):
    assert said(f"{name}.nii.gz") is None


@pytest.mark.parametrize("name", ["P1_flair.txt", "P1_flair.json", "._P1_flair.nii.gz", ".nii.gz", "Thumbs.db", "P1"])
def test_no_image_at_all(name):
    assert said(name) is None


@pytest.mark.parametrize(
    ("name", "is_plain"),
    [
        ("P1_T1", True),
        ("P1_T1_bias", False),
        ("P1_T1_unstripped", False),
        ("P1_segm", True),
        ("P1_automated_approx_segm", False),
        ("FLAIR_preprocessed", True),
        ("P1_mask", False),
        ("Flair_subtrMeanDivStd", True),
    ],
)
def test_the_plain_file_of_several(name, is_plain):
    assert parse_name(Path(f"{name}.nii.gz")).is_plain == is_plain
