"""Which sequence a series is: what scanners of several makers write, and what is set aside."""

import pytest

pydicom = pytest.importorskip("pydicom", reason="the extra clinical is not installed")

from segan_tl.clinical.dicom.sequence import recognise  # noqa: E402
from segan_tl.clinical.dicom.simulate import PROTOCOLS  # noqa: E402


def header(description="", **attributes):
    values = pydicom.Dataset()
    values.SeriesDescription = description
    for keyword, value in attributes.items():
        setattr(values, keyword, value)
    return values


def spin_echo(tr, te, ti=None, description="", **more):
    sequence = ["SE", "IR"] if ti else "SE"
    inversion = {"InversionTime": ti} if ti else {}
    return header(description, ScanningSequence=sequence, RepetitionTime=tr, EchoTime=te, **inversion, **more)


def gradient_echo(tr, te, ti=None, description="", **more):
    sequence = ["GR", "IR"] if ti else "GR"
    inversion = {"InversionTime": ti} if ti else {}
    return header(description, ScanningSequence=sequence, RepetitionTime=tr, EchoTime=te, **inversion, **more)


# Times of protocols that are in use, in ms; no word helps.
BY_TAGS = [
    (spin_echo(500, 15), "t1"),
    (gradient_echo(2300, 2.98, 900), "t1"),  # MPRAGE of Siemens
    (gradient_echo(8.9, 3.164, 900), "t1"),  # IR-SPGR of GE
    (gradient_echo(250, 2.5), "t1"),  # 2-D FLASH
    (spin_echo(2500, 9, 860), "t1"),  # T1 FLAIR of GE
    (spin_echo(4500, 100), "t2"),
    (spin_echo(3200, 408), "t2"),  # SPACE
    (spin_echo(9000, 120, 2500), "flair"),
    (spin_echo(6000, 394, 2200), "flair"),  # 3-D FLAIR of Siemens
    (spin_echo(4800, 386.754, 1650), "flair"),  # and of Philips
    (spin_echo(5000, 60, 160), "other"),  # STIR
    (spin_echo(3000, 15), "other"),  # proton density
    (gradient_echo(700, 20), "other"),  # T2*
    (header(), "other"),
]
BY_WORDS = [
    ("AX T2 FLAIR", "flair"),
    ("t2_tirm_tra_dark-fluid", "flair"),
    ("Sag 3D T2 SPACE FLAIR", "flair"),
    ("T1 FLAIR", "t1"),
    ("t1_mprage_tra_p2_iso", "t1"),
    ("t1_mpr_sag", "t1"),  # set aside: a reformat
    ("Ax T1 +C", "t1c"),
    ("AX T1 POST GD", "t1c"),
    ("t1_se_tra_KM", "t1c"),
    ("T1CE", "t1c"),
    ("t1+c", "t1c"),
    ("T1 pre-contrast", "t1"),
    ("T1w non-contrast", "t1"),
    ("T1 nativ", "t1"),
    ("T1 post-op", "t1"),
    ("3D BRAVO", "t1"),
    ("t2_tse_tra", "t2"),
    ("Ax T2 FRFSE", "t2"),
    ("PD/T2 TSE", "t2"),
    ("T1 and T2", "other"),
    ("Brain", "other"),
]
ASIDE = [
    ("localizer", {}, "localiser"),
    ("3-plane loc", {}, "localiser"),
    ("x", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localiser"),
    ("ep2d_diff_3scan_trace", {}, "diffusion"),
    ("Apparent Diffusion Coefficient (ADC)", {}, "diffusion"),
    ("AX DWI b1000", {}, "diffusion"),
    ("x", {"DiffusionBValue": 1000.0}, "diffusion"),
    ("ep2d_perf_GRE", {}, "perfusion"),
    ("relCBV", {"ImageType": ["DERIVED", "PRIMARY", "CBV"]}, "perfusion"),
    ("SWI_Images", {}, "susceptibility"),
    ("T2* GRE", {}, "T2*"),
    ("TOF_3D", {}, "angiogram"),
    ("t1_mpr_tra", {"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, "reformat"),
    ("MIN IP", {"ImageType": ["DERIVED", "SECONDARY", "MIN IP"]}, "angiogram"),
    ("Subtraction T1", {}, "subtraction"),
    ("T1 map", {}, "map"),
    ("T2 sag C-spine", {}, "part of the body"),
    ("x", {"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}, "phase"),
    ("AX T2", {"ImageType": ["DERIVED", "SECONDARY"]}, "derived"),
]


@pytest.mark.parametrize(("values", "sequence"), BY_TAGS, ids=range(len(BY_TAGS)))
def test_by_its_times(values, sequence):
    assert recognise(values).name == sequence
    assert not recognise(values).aside and recognise(values).reason


@pytest.mark.parametrize(("description", "sequence"), BY_WORDS)
def test_by_its_words(description, sequence):
    found = recognise(header(description))
    assert found.name == sequence or found.aside == "a reformat"


@pytest.mark.parametrize(("description", "attributes", "word"), ASIDE)
def test_what_is_set_aside_by_name(description, attributes, word):
    assert word in recognise(header(description, **attributes)).aside


@pytest.mark.parametrize("description", ["t1_mprage_sag", "AX T1 MPRAGE +C", "Ax T1 FSPGR"])
def test_a_word_within_another_sets_nothing_aside(description):
    assert recognise(header(description)).aside == ""  # mpr in mprage, spg in fspgr


def test_the_agent_counts_where_words_are_silent_and_not_where_they_deny():
    assert recognise(spin_echo(500, 15, ContrastBolusAgent="Gadovist 7.5 ml")).name == "t1c"
    assert recognise(spin_echo(500, 15, ContrastBolusAgent="NONE")).name == "t1"
    assert recognise(spin_echo(500, 15, ContrastBolusAgent="")).name == "t1"
    # Scanners leave the tag on for the whole examination.
    assert recognise(spin_echo(500, 15, description="T1 pre", ContrastBolusAgent="Gadovist")).name == "t1"
    assert recognise(spin_echo(9000, 120, 2500, ContrastBolusAgent="Gadovist")).name == "flair"


def test_words_and_tags_that_differ_are_both_told():
    found = recognise(spin_echo(500, 15, description="T2"))
    assert found.name == "t2" and found.reason == "the description says so, though TR 500 ms, TE 15 ms weight by T1"


def test_a_reason_quotes_no_text():
    values = spin_echo(9000, 120, 2500, description="FLAIR MUELLER HANS", ContrastBolusAgent="MUELLER")
    found = recognise(values)
    assert found.name == "flair" and "mueller" not in f"{found}".lower()


def test_an_enhanced_file_states_its_contrast():
    values = pydicom.Dataset()
    item, echo, timing = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    echo.EffectiveEchoTime, timing.RepetitionTime = 120.0, 9000
    item.MREchoSequence, item.MRTimingAndRelatedParametersSequence = [echo], [timing]
    values.AcquisitionContrast = "FLUID_ATTENUATED"
    values.PerFrameFunctionalGroupsSequence = [item]
    assert recognise(values).name == "flair"
    values.AcquisitionContrast, values.SeriesDescription = "T2", "AX FLAIR"
    assert recognise(values).name == "flair"
    values.AcquisitionContrast, values.SeriesDescription = "T2", ""
    assert recognise(values).name == "t2"
    values.AcquisitionContrast = "DIFFUSION"
    assert recognise(values).aside == "diffusion"
    values.AcquisitionContrast = "UNKNOWN"
    assert recognise(values).name == "t2"  # by TR and TE


@pytest.mark.parametrize("modality", PROTOCOLS)
def test_what_the_simulator_writes(modality):
    agent = {"ContrastBolusAgent": "Gadolinium"} if modality == "t1c" else {}
    assert recognise(header("", **PROTOCOLS[modality], **agent)).name == modality
