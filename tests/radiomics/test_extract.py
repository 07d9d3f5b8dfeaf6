"""Features of a case: as published by PyRadiomics and by the IBSI, and beside loops over voxels."""

import itertools

import numpy as np
import pytest

from segan_tl.data.files.images import Source, read_volume
from segan_tl.errors import UserError
from segan_tl.metrics.distances import bounding_box
from segan_tl.radiomics.discretise import DISCRETISATIONS, Discretisation, scale
from segan_tl.radiomics.extract import extract, intensity_features, shape_features
from segan_tl.radiomics.features import AXIS, INTENSITY, MESH, SHAPE, columns
from segan_tl.radiomics.own import DIRECTIONS
from segan_tl.radiomics.region import Region
from tests.radiomics.published import (
    BINS_OF_25, IBSI, IBSI_SHAPE, LEVELS_64, PHANTOM, ZSCORES_BINS_OF_ONE_20TH,
)  # fmt: skip

pytest.importorskip("mirp", reason="MIRP is not installed: pip install -e '.[radiomics]'")
AS_THEY_ARE = Discretisation("none", bin_width=1)


# === PyRadiomics' test case ===


@pytest.fixture(scope="module")
def brain1(real_data):
    image = read_volume(Source(real_data / "nrrd" / "brain1_image.nrrd"))
    mask = read_volume(Source(real_data / "nrrd" / "brain1_label.nrrd")).data > 0
    # PyRadiomics describes both pieces of this mask, not the larger one.
    return image, Region(mask[bounding_box(mask)], bounding_box(mask), image.spacing_mm)


@pytest.mark.real_data
def test_shape_is_pyradiomics(brain1):
    found = shape_features(brain1[1])
    assert brain1[1].voxels == 4137
    exact = [feature.column for feature in SHAPE if feature.differs != MESH]
    assert len(exact) == 10
    assert [found[name] for name in exact] == pytest.approx([BINS_OF_25[name] for name in exact], rel=1e-9)
    # Where eight voxels can be joined by triangles in two ways, scikit-image does it otherwise.
    assert found["shape_MeshVolume"] == pytest.approx(BINS_OF_25["shape_MeshVolume"], rel=3e-4)
    for name in ("shape_SurfaceArea", "shape_SurfaceVolumeRatio", "shape_Sphericity"):
        assert found[name] == pytest.approx(BINS_OF_25[name], rel=5e-3)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("how", "published"),
    [
        (Discretisation("none", bin_width=25), {k: v for k, v in BINS_OF_25.items() if not k.startswith("shape")}),
        (Discretisation("none", levels=64), LEVELS_64),
        (Discretisation("image", bin_width=0.05), ZSCORES_BINS_OF_ONE_20TH),
    ],
    ids=["bins of 25", "64 levels", "z-scores"],
)
def test_intensities_are_pyradiomics(brain1, how, published):
    image, region = brain1
    scaled = scale(image.data, image.data != 0, how.scaling)[region.box]
    found = intensity_features(scaled, region, how)
    assert list(found) == [feature.column for feature in INTENSITY]
    assert {name: found[name] for name in published} == pytest.approx(published, rel=1e-6)


# === The digital phantom ===


@pytest.fixture(scope="module")
def phantom():
    mask = PHANTOM > 0
    region = Region(mask, tuple(slice(None) for _ in range(3)), (2.0, 2.0, 2.0))
    return shape_features(region), intensity_features(PHANTOM.astype(float), region, AS_THEY_ARE)


def test_shape_of_the_phantom(phantom):
    to_sample = (74 / 73) ** 0.5  # MIRP's axes, which it holds against the manual, are of a covariance over n − 1
    known = {feature.column: feature for feature in SHAPE if feature.ibsi}
    assert {feature.ibsi for feature in known.values()} == set(IBSI_SHAPE)
    for column, feature in known.items():
        value, tolerance = IBSI_SHAPE[feature.ibsi]
        assert phantom[0][column] * (to_sample if feature.differs == AXIS else 1) == pytest.approx(value, abs=tolerance)


def test_intensities_of_the_phantom(phantom):
    known = {feature.column: feature.ibsi for feature in INTENSITY if feature.ibsi}
    assert set(known.values()) == set(IBSI) and len(IBSI) == 91
    found = phantom[1] | {"firstorder_Kurtosis": phantom[1]["firstorder_Kurtosis"] - 3}
    # three digits are given: half of the last one, at most 5 in a thousand
    assert {column: found[column] for column in known} == pytest.approx(
        {column: IBSI[code] for column, code in known.items()}, rel=5.1e-3
    )


# === Loops ===


@pytest.fixture(scope="module")
def small():
    """Return levels 1 to 5 in a region with holes, and its features."""
    random = np.random.default_rng(3)
    levels, mask = random.integers(1, 6, (6, 5, 4)), random.random((6, 5, 4)) < 0.75
    region = Region(mask, tuple(slice(None) for _ in range(3)), (1.0, 1.0, 1.0))
    levels[mask.nonzero()[0][0], mask.nonzero()[1][0], mask.nonzero()[2][0]] = 1
    return levels, mask, intensity_features(levels.astype(float), region, AS_THEY_ARE)


def level_at(levels, mask, place) -> int:
    """Return the level of a voxel, 0 outside of the region or of the grid."""
    inside = all(0 <= at < length for at, length in zip(place, mask.shape)) and mask[tuple(place)]
    return int(levels[tuple(place)]) if inside else 0


def voxels_of(mask):
    return [place for place in itertools.product(*map(range, mask.shape)) if mask[place]]


def test_cooccurrence_beside_loops(small):
    levels, mask, found = small
    contrasts, entropies, energies = [], [], []
    for step in DIRECTIONS:
        counts = {}
        for place, sign in itertools.product(voxels_of(mask), (1, -1)):
            there = level_at(levels, mask, np.add(place, sign * np.array(step)))
            if there:
                pair = int(levels[place]), there
                counts[pair] = counts.get(pair, 0) + 1
        shares = {pair: number / sum(counts.values()) for pair, number in counts.items()}
        contrasts.append(sum(share * (i - j) ** 2 for (i, j), share in shares.items()))
        entropies.append(-sum(share * np.log2(share) for share in shares.values()))
        energies.append(sum(share**2 for share in shares.values()))
    assert found["glcm_Contrast"] == pytest.approx(np.mean(contrasts))
    assert found["glcm_JointEntropy"] == pytest.approx(np.mean(entropies))
    assert found["glcm_JointEnergy"] == pytest.approx(np.mean(energies))


def test_run_lengths_beside_loops(small):
    levels, mask, found = small
    short, grey, share = [], [], []
    for step in np.array(DIRECTIONS):
        runs = []
        for place in voxels_of(mask):
            level = int(levels[place])
            if level_at(levels, mask, np.subtract(place, step)) == level:
                continue  # no beginning
            length, at = 1, np.add(place, step)
            while level_at(levels, mask, at) == level:
                length, at = length + 1, at + step
            runs.append((level, length))
        short.append(np.mean([1 / length**2 for _, length in runs]))
        grey.append(np.mean([level**2 * length**2 for level, length in runs]))
        share.append(len(runs) / mask.sum())
    assert found["glrlm_ShortRunEmphasis"] == pytest.approx(np.mean(short))
    assert found["glrlm_LongRunHighGrayLevelEmphasis"] == pytest.approx(np.mean(grey))
    assert found["glrlm_RunPercentage"] == pytest.approx(np.mean(share))


def neighbours(place):
    return [np.add(place, step) for step in itertools.product((-1, 0, 1), repeat=3) if any(step)]


def test_zones_beside_loops(small):
    levels, mask, found = small
    pending, zones = set(voxels_of(mask)), []
    while pending:
        front = [pending.pop()]
        level, size = int(levels[front[0]]), 0
        while front:
            place, size = front.pop(), size + 1
            reached = {tuple(map(int, at)) for at in neighbours(place) if level_at(levels, mask, at) == level} & pending
            pending -= reached
            front += reached
        zones.append((level, size))
    assert found["glszm_ZonePercentage"] == pytest.approx(len(zones) / mask.sum())
    assert found["glszm_LargeAreaEmphasis"] == pytest.approx(np.mean([size**2 for _, size in zones]))
    small_high = np.mean([level**2 / size**2 for level, size in zones])
    assert found["glszm_SmallAreaHighGrayLevelEmphasis"] == pytest.approx(small_high)
    assert found["glszm_ZoneVariance"] == pytest.approx(np.var([size for _, size in zones]))


def test_dependence_beside_loops(small):
    levels, mask, found = small
    depends = [
        1 + sum(level_at(levels, mask, at) == levels[place] for at in neighbours(place)) for place in voxels_of(mask)
    ]
    assert found["gldm_SmallDependenceEmphasis"] == pytest.approx(np.mean([1 / number**2 for number in depends]))
    assert found["gldm_DependenceVariance"] == pytest.approx(np.var(depends))
    _, counts = np.unique(depends, return_counts=True)
    assert found["gldm_DependenceNonUniformity"] == pytest.approx((counts**2).sum() / mask.sum())


def test_grey_tones_beside_loops(small):
    levels, mask, found = small
    differences, counted = {}, []
    for place in voxels_of(mask):
        around = [level for at in neighbours(place) if (level := level_at(levels, mask, at))]
        if around:
            level = int(levels[place])
            differences.setdefault(level, []).append(abs(level - np.mean(around)))
            counted.append(level)
    share = {level: counted.count(level) / len(counted) for level in differences}
    sums = {level: sum(found_here) for level, found_here in differences.items()}
    weighted = sum(share[level] * sums[level] for level in share)
    assert found["ngtdm_Coarseness"] == pytest.approx(1 / weighted)
    moved = sum(abs(i * share[i] - j * share[j]) for i in share for j in share)
    assert found["ngtdm_Busyness"] == pytest.approx(weighted / moved)
    strength = sum((share[i] + share[j]) * (i - j) ** 2 for i in share for j in share) / sum(sums.values())
    assert found["ngtdm_Strength"] == pytest.approx(strength)


# === A case ===


def test_a_case_has_the_columns_and_is_the_same_again():
    random = np.random.default_rng(0)
    images = {name: random.normal(100, 20, (16, 14, 12)) for name in ("t1c", "flair")}
    mask = np.zeros((16, 14, 12), bool)
    mask[3:9, 4:9, 2:8] = True
    mask[12, 12, 10] = True  # another piece
    options = {"spacing_mm": (1.0, 1.0, 2.0), "head": np.ones_like(mask)}
    found = extract(images, mask, how=DISCRETISATIONS["32-levels"], **options)
    assert list(found) == columns(("t1c", "flair")) and found["shape_VoxelVolume"] == pytest.approx(6 * 5 * 6 * 2)
    assert extract(images, mask, how=DISCRETISATIONS["32-levels"], **options) == found
    # Gain and offset of a scanner go with the z-scores.
    brighter = {name: 3 * image + 50 for name, image in images.items()}
    again = extract(brighter, mask, how=DISCRETISATIONS["32-levels"], **options)
    assert again == pytest.approx(found, rel=1e-6)


def test_the_authors_bins_leave_shape_and_size():
    random = np.random.default_rng(0)
    image, mask = random.normal(100, 20, (12, 12, 12)), np.zeros((12, 12, 12), bool)
    mask[2:9, 2:9, 2:9] = True
    options = {"spacing_mm": (1.0, 1.0, 1.0), "head": image > 0, "how": DISCRETISATIONS["authors"]}
    found = extract({"t1": image}, mask, **options)
    assert found["t1_firstorder_Entropy"] <= 1 and found["t1_glcm_JointAverage"] <= 2
    flat = extract({"t1": np.full_like(image, 5.0)}, mask, **options)
    # One level: the numbers that PyRadiomics publishes for such a region (flatRegion).
    names = ("glcm_Imc1", "glcm_Imc2", "glcm_InverseVariance", "glcm_Correlation", "glcm_MCC", "ngtdm_Busyness")
    assert [flat[f"t1_{name}"] for name in names] == [0, 0, 0, 1, 1, 0]
    assert str(flat["t1_firstorder_Entropy"]) == "0.0"
    assert flat["t1_ngtdm_Coarseness"] == 1e6 and flat["t1_firstorder_Kurtosis"] == 0


def test_what_is_not_finite_is_refused():
    image, mask = np.ones((6, 6, 6)), np.zeros((6, 6, 6), bool)
    mask[1:4, 1:4, 1:4] = True
    image[2, 2, 2] = np.nan
    with pytest.raises(UserError):
        extract({"t1": image}, mask, spacing_mm=(1, 1, 1), head=mask, how=DISCRETISATIONS["32-levels"])
