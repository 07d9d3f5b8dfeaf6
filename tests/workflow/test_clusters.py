"""Thresholds of clusters: what is refused before a case is segmented, and what assigns its cluster."""

from pathlib import Path

import numpy as np
import pytest

from segan_tl.data.find.case import Case
from segan_tl.disk.manifest import sha256
from segan_tl.errors import UserError
from segan_tl.predict.chosen import Chosen
from segan_tl.predict.components import TISSUES, Thresholds
from segan_tl.radiomics.clusters import fit, save
from segan_tl.radiomics.features import columns
from segan_tl.workflow.clusters import assign_clusters

NOTHING = Thresholds(dict.fromkeys(TISSUES, 0), 0.0)
CASES = [Case("a", {"flair": None, "t1": None}), Case("b", {"flair": None, "t1": None})]


@pytest.fixture
def groups(tmp_path) -> Path:
    """Return two clusters of features of FLAIR and T1."""
    names = columns(("t1", "flair"))
    rows = np.random.default_rng(0).normal(size=(9, len(names)))
    rows[5:] += 50
    save(tmp_path / "groups.npz", fit(rows, names), cases=[f"c{i}" for i in range(9)], seed=0)
    return tmp_path / "groups.npz"


def test_nobody_asks_for_clusters():
    chosen = Chosen(NOTHING, {"0": NOTHING})
    assert assign_clusters(None, chosen, CASES) is chosen and assign_clusters(None, None, CASES) is None


def test_clusters_that_were_made_anew_since(groups):
    tuned = Chosen(NOTHING, {"0": NOTHING}, groups_sha256="0" * 64)
    with pytest.raises(UserError, match="groups.json is another file than those of then; give that one, or tune again"):
        assign_clusters(groups, tuned, CASES)


def test_what_assigns_is_added(groups):
    pytest.importorskip("mirp", reason="MIRP is not installed: pip install -e '.[radiomics]'")
    digest = sha256(groups.with_suffix(".json"))
    chosen = assign_clusters(groups, Chosen(NOTHING, {"0": NOTHING, "1": NOTHING}, groups_sha256=digest), CASES)
    assert chosen.assign.args[0].modalities == ("t1", "flair") and chosen.everywhere is NOTHING


@pytest.mark.parametrize(
    ("chosen", "cases", "said"),
    [
        (None, CASES, "add --postprocess FILE, or leave it out"),
        (Chosen(NOTHING), CASES, "--postprocess has those of all cases alone; tune them with"),
        (Chosen(NOTHING, {"0": NOTHING, "2": NOTHING}), CASES, "clusters 0 to 1 of .* has some of 2;"),
        (Chosen(NOTHING, {"0": NOTHING}), [Case("c", {"t1": None})], "t1, flair of case c, .* flair is missing"),
    ],
)
def test_what_does_not_fit_is_refused(groups, chosen, cases, said):
    with pytest.raises(UserError, match=said):
        assign_clusters(groups, chosen, cases)
