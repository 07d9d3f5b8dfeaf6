"""A new case and saved clusters: the cluster of its own features, or why it has none."""

import json

import numpy as np
import pytest

from segan_tl.data.find.cases import find_cases, load_case
from segan_tl.errors import UserError
from segan_tl.radiomics.assign import assign_case, open_clusters
from segan_tl.radiomics.clusters import fit, save
from segan_tl.radiomics.cohort import describe
from segan_tl.radiomics.discretise import DISCRETISATIONS
from segan_tl.radiomics.features import columns
from tests.small_runs import small_labels, write_case


@pytest.fixture
def chain(tmp_path):
    """Return clusters of random cases with the features of FLAIR, saved and read."""
    names = columns(("flair",))
    rows = np.random.default_rng(0).normal(size=(9, len(names)))
    rows[5:] += 50
    found = fit(rows, names, discretisation="authors")
    save(tmp_path / "groups.npz", found, cases=[f"c{i}" for i in range(9)], seed=0)
    return open_clusters(tmp_path / "groups.npz")


@pytest.fixture
def case(tmp_path):
    write_case(tmp_path / "cohort", "BraTS2021_00001", small_labels(), modalities=("flair", "t1"))
    return find_cases(tmp_path / "cohort").cases[0]


def test_the_cluster_is_that_of_the_features(chain, case):
    pytest.importorskip("mirp", reason="MIRP is not installed: pip install -e '.[radiomics]'")
    loaded = load_case(case, ("flair",))
    mask = loaded.labels > 0
    features = describe(loaded, mask, ("flair",), DISCRETISATIONS["authors"])
    assert assign_case(chain, case, mask, loaded.geometry) == (chain.assign(features), None)


def test_a_case_without_features_has_none_and_says_why(chain, case):
    loaded = load_case(case, ("flair",))
    nothing = np.zeros(loaded.labels.shape, bool)
    assert assign_case(chain, case, nothing, loaded.geometry) == (None, "there is no tumour")
    nothing[3, 3, 3:5] = True
    cluster, reason = assign_case(chain, case, nothing, loaded.geometry)
    assert cluster is None and reason.startswith("its largest piece has 2 voxels (1 × 1 × 2)")


def test_a_prediction_on_another_grid_has_none(chain, case):
    loaded = load_case(case, ("flair",))
    moved = loaded.geometry.affine.copy()
    moved[:3, 3] += 50
    other = type(loaded.geometry)(loaded.geometry.shape, moved)
    cluster, reason = assign_case(chain, case, loaded.labels > 0, other)
    assert cluster is None and reason.startswith("its images do not lie on one grid: it lies elsewhere")


def test_an_image_that_cannot_be_read(chain, case):
    geometry = load_case(case, ("flair",)).geometry
    case.images["flair"].path.write_bytes(b"no image")
    cluster, reason = assign_case(chain, case, np.ones(geometry.shape, bool), geometry)
    assert cluster is None and "BraTS2021_00001_flair.nii.gz" in reason and not reason.startswith("case")


def test_features_that_are_not_known(chain, tmp_path):
    path = tmp_path / "groups.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(settings | {"columns": ["flair_colour", *settings["columns"][1:]]}))
    with pytest.raises(UserError, match="expected features of radiomics in .*groups.npz; found flair_colour; make"):
        open_clusters(tmp_path / "groups.npz")
