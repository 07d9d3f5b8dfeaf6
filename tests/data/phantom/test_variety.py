"""How much patients differ: plain ones are who they were, the labels of hard ones agree with their tissue."""

import zlib

import numpy as np
import pytest

from segan_tl.data.phantom import glioma, simulate_case
from segan_tl.data.phantom.cohorts import COHORTS
from segan_tl.data.phantom.subject import draw_person
from segan_tl.data.phantom.tissue_map import CODES, PARTS, draw_tissues
from segan_tl.data.phantom.variety import CHANCES, SITES, VARIETIES, WHOLE_LIMITS_ML, Hard, Plain

TINY = (48, 48, 31)
PLAN = COHORTS["glioma-3t"]


@pytest.fixture(scope="module")
def hard():
    """Eight hard gliomas before any scan."""
    return [draw_person("glioma-3t", case_index=index, shape=TINY, seed=0, variety="hard") for index in range(8)]


def test_plain_patients_are_who_they_were():
    # Counted before there were varieties.
    case = simulate_case("glioma-3t", case_index=1, shape=TINY, seed=7)
    assert [(case.labels == label).sum() for label in (1, 2, 4)] == pytest.approx([280, 613, 92], abs=1)
    means = {modality: image[image > 0].mean() for modality, image in case.images.items()}
    assert means == pytest.approx({"t1": 539.8, "t1c": 455.7, "t2": 700.1, "flair": 587.0}, abs=0.2)


def test_hard_patients_are_other_people_and_the_same_each_time():
    request = {"case_index": 1, "shape": TINY, "seed": 7}
    first, again = (simulate_case("glioma-3t", **request, variety="hard") for _ in range(2))
    assert all(np.array_equal(first.images[name], again.images[name]) for name in first.images)
    plain = simulate_case("glioma-3t", **request)
    assert ((plain.images["t2"] > 0) != (first.images["t2"] > 0)).mean() > 0.01


@pytest.mark.parametrize(("cohort", "index"), [("glioma-3t", 1), ("glioma-3t", 17), ("glioma-1.5t", 0), ("ms", 0)])
def test_the_tissue_map_is_of_the_labels_and_the_images(cohort, index):
    request = {"case_index": index, "shape": TINY, "seed": 0, "variety": "hard"}
    tissues, labels = draw_tissues(cohort, **request)
    case = simulate_case(cohort, **request)
    assert np.array_equal(labels, case.labels) and labels.any()
    for image in case.images.values():
        assert np.array_equal(tissues > 0, image > 0)


def test_labels_hold_what_they_say(hard):
    # Cavities, infarcts and fluid never count as tumour, diseased tissue mostly does.
    names = ("edema", "necrosis", "tumour", "rim", "vessel", "leuko", "wm", "gm", "csf")
    inside, outside = ({name: [] for name in names} for _ in range(2))
    for person in hard:
        tumour = person.drawing.labels > 0
        for name in names:
            share = person.drawing.shares.get(name, np.zeros(tumour.shape))
            inside[name].append(share[tumour].mean())
            outside[name].append(share[~tumour].mean())
    assert max(inside["csf"]) < 0.15
    for name in ("necrosis", "edema", "rim"):
        assert sum(inside[name]) > 20 * sum(outside[name])


def test_shares_add_up_to_one(hard):
    for person in hard:
        total = sum(person.drawing.shares.values())
        assert total == pytest.approx(np.ones(len(total)), abs=1e-3)
        assert min(share.min() for share in person.drawing.shares.values()) > -1e-4


def test_every_trait_is_drawn_as_often_as_its_chance_says():
    drawn = [Hard(5, index).traits for index in range(400)]
    for name, chance in CHANCES.items():
        # Four deviations of a share of 400: 4 · sqrt(0.25 / 400) = 0.1.
        assert np.mean([name in traits for traits in drawn]) == pytest.approx(chance, abs=0.1)
    assert 2.0 < np.mean([len(traits) for traits in drawn]) < 3.0


def test_hard_tumours_differ_more_than_plain_ones():
    plain, hard = ([kind(3, index).tumour(PLAN) for index in range(120)] for kind in (Plain, Hard))
    assert np.log([tumour.whole_ml for tumour in hard]).std() > 1.3 * np.log([one.whole_ml for one in plain]).std()
    least, most = WHOLE_LIMITS_ML
    assert all(least <= tumour.whole_ml <= most for tumour in hard)
    low = [tumour for tumour in hard if not tumour.high_grade]
    assert 0.3 < len(low) / len(hard) < 0.5 and sum(tumour.rim_mm == 0 for tumour in low) > len(low) / 2
    assert all(tumour.shares.sum() == pytest.approx(1) for tumour in hard)
    assert {len(tumour.shares) for tumour in hard} == {1, 2, 3, 4, 5}


def test_no_roughness_eats_up_the_heart_of_a_core():
    tumour = Hard(3, 0).tumour(PLAN)._replace(roughness=50.0)
    centre = np.array([[20.0, 10.0, 30.0]], np.float32)
    tumour = tumour._replace(shares=np.ones(1), axes=np.ones((1, 3)))
    far = {name: np.full(2, 9.0, np.float32) for name in ("coarse", "medium", "fine")}
    radius = glioma.radii_mm(tumour)[0]
    points = centre.T + np.array([[0.0, 0.6 * radius], [0.0, 0.0], [0.0, 0.0]], np.float32)
    inner, outer = glioma.core_distance(tumour, centre, points, noise=far)
    assert inner == pytest.approx(-tumour.heart * radius, rel=1e-5) and outer > 0


def test_tumours_lie_at_cortex_and_ventricles_too(hard):
    assert sum(chance for _, chance in SITES) == pytest.approx(1)
    away = [np.linalg.norm(one.points.scanner[:, one.drawing.labels > 0].mean(1)) for one in hard]
    assert max(away) - min(away) > 15.0


def test_the_map_of_a_hard_patient_knows_lesions_beside_the_tumour():
    seed = zlib.crc32(b"glioma-3t hard")
    index = next(index for index in range(99) if Hard(seed, index).traits == {"white matter disease"})
    tissues, labels = draw_tissues("glioma-3t", case_index=index, shape=TINY, seed=0, variety="hard")
    assert PARTS[CODES["leuko"]][tissues][labels == 0].sum() > 50


def test_an_unknown_variety_is_refused():
    assert list(VARIETIES) == ["plain", "hard"]
    with pytest.raises(ValueError, match="plain, hard; got 'harder'"):
        simulate_case("ms", case_index=0, shape=TINY, seed=0, variety="harder")
