"""What hard patients have beside a tumour: of which tissue, with which label."""

from types import SimpleNamespace

import numpy as np
import pytest

from segan_tl.data.phantom import findings
from segan_tl.data.phantom.anatomy import TISSUES
from segan_tl.data.phantom.disease import Drawing
from segan_tl.data.phantom.hospital import BRAIN_MM

FIELDS = ("coarse", "medium", "fine", "vein", "texture1", "texture2")


@pytest.fixture
def points():
    """A line through the middle of the brain from right to left, 2 mm apart, without noise."""
    line = np.zeros((3, 85), np.float32)
    line[0] = np.arange(-84, 86, 2)
    line[2] = 6.0
    return SimpleNamespace(
        scanner=line, atlas=line, voxel_mm=2.0, noise={name: np.zeros(85, np.float32) for name in FIELDS}
    )


def white_matter(count: int = 85) -> dict[str, np.ndarray]:
    return {name: np.full(count, float(name == "wm"), np.float32) for name in (*TISSUES, "leuko")}


def tumour_drawing(points) -> Drawing:
    """Necrosis of 15 mm around x = 30, labelled 1, in white matter."""
    shares = white_matter()
    core = np.abs(points.scanner[0] - 30) <= 15
    shares["wm"][core], shares["necrosis"] = 0.0, core.astype(np.float32)
    return Drawing(shares, core.astype(np.uint8), {})


def total(shares) -> np.ndarray:
    return sum(shares.values())


def test_edema_is_strong_in_the_core_and_softly_gone_outside(points):
    margin = np.linspace(1, -3, 85, dtype=np.float32)
    where, share = findings.infiltrate(margin, points.noise, np.random.default_rng(0))
    assert np.array_equal(where, margin)  # without noise no border wanders
    assert share[0] > 0.6 and share[-1] == 0 and (np.diff(share) <= 1e-6).all()
    noise = {name: np.random.default_rng(1).normal(size=85).astype(np.float32) for name in FIELDS}
    assert not np.array_equal(findings.infiltrate(margin, noise, np.random.default_rng(0))[0], margin)


def test_white_matter_disease_takes_white_matter_alone(points):
    shares = white_matter()
    shares["wm"][:40], shares["gm"][:40] = 0.0, 1.0
    points.noise["vein"] = np.full(85, 5.0, np.float32)
    findings.add_white_matter_disease(shares, points, np.random.default_rng(0))
    assert not shares["leuko"][:40].any() and shares["leuko"][40:].min() > 0.4
    assert total(shares) == pytest.approx(np.ones(85))


def test_an_infarct_is_fluid_in_gliosis(points, monkeypatch):
    monkeypatch.setattr(findings, "surface_point", lambda _, depth: np.array([40.5, 0.0, 6.0]))
    shares = white_matter()
    findings.add_infarct(shares, points, np.random.default_rng(0))
    at = int(np.argmin(np.abs(points.scanner[0] - 40)))
    assert shares["csf"][at] > 0.9 and shares["leuko"].max() > 0.4 and shares["wm"][0] > 0.99
    assert total(shares) == pytest.approx(np.ones(85))


def test_residue_lies_outside_of_the_brain(points):
    shares = white_matter()
    findings.add_residue(shares, points)
    half_width = BRAIN_MM[1][0]
    away = np.abs(points.scanner[0])
    assert shares["vessel"][away > half_width + 6].min() == 1 and not shares["vessel"][away < half_width - 2].any()
    drawing = findings.colour_residue(Drawing(shares, np.zeros(85, np.uint8), {}), points, np.random.default_rng(0))
    factors = drawing.relaxation["vessel"]
    assert factors[:, 42] == pytest.approx([1, 1]) and tuple(factors[:, 0]) in (
        pytest.approx(findings.SCALP), pytest.approx(findings.DURA)
    )  # fmt: skip


def test_blood_keeps_the_label_of_its_part(points):
    points.noise["texture1"] = np.full(85, 3.0, np.float32)
    before = tumour_drawing(points)
    drawing = findings.add_blood(before, points, np.random.default_rng(0))
    core = before.labels > 0
    assert np.array_equal(drawing.labels, before.labels)
    assert drawing.shares["vessel"][core].min() > 0.6 and not drawing.shares["vessel"][~core].any()
    assert before.shares["necrosis"][core].min() == 1  # what was there has not changed
    t1, t2 = drawing.relaxation["vessel"][:, core]
    # The shortest and the longest T1 of both kinds, and their T2 below that of white matter: 30 · 1.7 = 51 ms.
    assert 0.2 < t1.min() and t1.max() <= 1 and t2.max() < 1.8
    assert total(drawing.shares) == pytest.approx(np.ones(85))


def test_a_cavity_is_fluid_and_no_tumour(points):
    drawing = tumour_drawing(points)
    tumour = SimpleNamespace(whole_ml=20.0, core_share=0.7, shares=np.ones(1))  # radius 15 mm
    disease = SimpleNamespace(glioma=tumour, centres=np.array([[30.0, 0.0, 6.0]], np.float32))
    made = findings.add_cavity(drawing, disease, points, np.random.default_rng(0))
    fluid = made.shares["csf"] > 0.5
    assert fluid.any() and not made.labels[fluid].any()
    assert made.labels.any() and np.array_equal(made.labels[~fluid], drawing.labels[~fluid])
    assert fluid[points.scanner[0] > 60].all()  # the way to the surface
    assert total(made.shares) == pytest.approx(np.ones(85))


def test_factors_on_relaxation_multiply(points):
    drawing = Drawing({}, np.zeros(85, np.uint8), {}, {"csf": np.array([[2.0], [3.0]], np.float32)})
    half = np.full(85, 0.5, np.float32)
    found = findings.relax(drawing, "csf", (4.0, 1.0), where=half).relaxation["csf"]
    assert found.shape == (2, 85) and found[:, 0] == pytest.approx([4.0, 3.0])  # 2 · sqrt(4), 3 · 1
