"""Where synthetic cohorts lie in the cache: each kind of patients in a folder of its own."""

from pathlib import Path

from segan_tl.config.base import PhantomConfig
from segan_tl.workflow.synthetic import synthetic_folder


def test_plain_patients_lie_where_they_did_and_hard_ones_beside_them():
    plain, hard = (PhantomConfig(cases=3, shape=(48, 48, 31), variety=variety) for variety in ("plain", "hard"))
    assert synthetic_folder(plain, Path("cache")) == Path("cache/phantom-glioma-3t-3-48x48x31-seed2020")
    assert synthetic_folder(hard, Path("cache")) == Path("cache/phantom-glioma-3t-3-48x48x31-seed2020-hard")
    assert not plain.same_people(hard)
