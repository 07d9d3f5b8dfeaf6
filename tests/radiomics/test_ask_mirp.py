"""What is asked of MIRP, and how quietly."""

import logging
import sys

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.radiomics.ask_mirp import SUFFIX, ask_intensities, ask_shape, require_mirp
from segan_tl.radiomics.extract import TEXTURE
from segan_tl.radiomics.features import INTENSITY, SHAPE


def test_suffixes():
    names = {
        "ngl_lde_d1_a0.0_3d": "ngl_lde", "cm_inv_diff_d1_3d_avg": "cm_inv_diff", "rlm_sre_3d_avg": "rlm_sre",
        "szm_sze_3d": "szm_sze", "stat_p10": "stat_p10", "cm_info_corr1_d1_3d_avg": "cm_info_corr1",
    }  # fmt: skip
    assert {name: SUFFIX.sub("", name) for name in names} == names


def test_it_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "mirp", None)
    with pytest.raises(UserError, match=r"pip install -e '\.\[radiomics\]'"):
        require_mirp()


@pytest.fixture
def mirp():
    return pytest.importorskip("mirp", reason="MIRP is not installed: pip install -e '.[radiomics]'")


def test_it_answers_every_name_of_the_table_without_a_word(mirp, capfd):
    mask = np.ones((3, 4, 5), bool)
    levels = np.random.default_rng(0).integers(1, 5, mask.shape)
    handlers = list(logging.getLogger().handlers)
    found = ask_intensities(levels, mask, ["stat"]) | ask_intensities(levels, mask, TEXTURE)
    assert {feature.mirp for feature in INTENSITY if feature.mirp} <= set(found)
    shape = ask_shape(mask, (1.0, 2.0, 3.0))
    assert {feature.mirp for feature in SHAPE if feature.mirp} <= set(shape)
    assert shape["morph_vol_approx"] == pytest.approx(3 * 4 * 5 * 6)
    assert capfd.readouterr() == ("", "") and logging.getLogger().handlers == handlers


def test_what_it_cannot_describe_is_one_sentence(mirp):
    mask = np.ones((2, 2, 2), bool)
    with pytest.raises(UserError, match="MIRP cannot describe the region"):
        ask_intensities(np.full(mask.shape, 0.5), mask, ["ih"])  # no grey levels
