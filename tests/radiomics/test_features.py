"""The table of features."""

from collections import Counter

from segan_tl.radiomics.features import AXIS, INTENSITY, SHAPE, Measured, columns, named
from segan_tl.regions import MODALITIES


def test_counts_of_pyradiomics():
    classes = {"shape": 14, "firstorder": 18, "glcm": 24, "gldm": 14, "glrlm": 16, "glszm": 16, "ngtdm": 5}
    assert Counter(feature.group for feature in (*SHAPE, *INTENSITY)) == classes
    assert len(columns(MODALITIES)) == 14 + 4 * 93 == 386 and len(set(columns(MODALITIES))) == 386


def test_order_of_columns():
    names = columns(("t1", "flair"))
    assert len(names) == 200
    assert names[:2] == ["shape_Elongation", "shape_Flatness"] and names[13] == "shape_VoxelVolume"
    assert names[14] == "t1_firstorder_10Percentile" and names[106] == "t1_ngtdm_Strength"
    assert names[107] == "flair_firstorder_10Percentile" and names[-1] == "flair_ngtdm_Strength"
    for features in (SHAPE, INTENSITY):
        assert [feature.column for feature in features] == sorted(feature.column for feature in features)


def test_what_is_converted_or_computed_here_says_why():
    for feature in (*SHAPE, *INTENSITY):
        assert feature.differs or (feature.mirp and not feature.convert), feature.column
    known = [feature.ibsi for feature in (*SHAPE, *INTENSITY) if feature.ibsi]
    assert len(known) == len(set(known)) == 102 and all(len(code) == 4 for code in known)


def test_conversions_by_hand():
    asked = {feature.mirp: 1.0 for feature in (*SHAPE, *INTENSITY)}
    own = {feature.column: 7.0 for feature in (*SHAPE, *INTENSITY) if feature.mirp is None}
    # 4 voxels of 2 mm³: √(3 / 4); 1 × 2; 1 + 3, and 0 where nothing varies
    values = named((*SHAPE, *INTENSITY), asked, own, Measured(4, 2.0))
    lengths = [values[feature.column] for feature in SHAPE if feature.differs == AXIS]
    assert lengths == [0.75**0.5] * 3 and values["firstorder_TotalEnergy"] == 2
    assert values["firstorder_Kurtosis"] == 4 and values["firstorder_Energy"] == 1 and values["glcm_MCC"] == 7
    assert named(INTENSITY, asked, own, Measured(4, 2.0, flat=True))["firstorder_Kurtosis"] == 0
