"""What is said of one segmented case, on small heads whose numbers are known."""

import numpy as np
import pytest

from segan_tl.config.load import validate
from segan_tl.config.schema import Config
from segan_tl.data.files.images import Geometry
from segan_tl.data.find.cases import LoadedCase
from segan_tl.data.fingerprint import fingerprint_case, fingerprint_cohort
from segan_tl.disk.atomic import write_json
from segan_tl.predict.members import Member
from segan_tl.predict.plausibility import count_outside, judge
from segan_tl.runs import Run

SHAPE = (40, 36, 20)
CONFIG = validate({"data": {"crop": (32, 32, 20), "window": (16, 16)}, "predict": {"area": "crop"}}, source="the test")


def head(*, start=6, intensity=100) -> LoadedCase:
    """Return a box of 28 × 24 × 12 voxels of 8 mm³ in air: 64.512 ml."""
    image = np.zeros((*SHAPE, 1), np.float32)
    image[start : start + 28, 6:30, 4:16] = intensity
    return LoadedCase(image, None, Geometry(SHAPE, np.diag([-2.0, -2, 2, 1])))


def found(*where: slice) -> np.ndarray:
    mask = np.zeros((*SHAPE, 1), bool)
    mask[where] = True
    return mask


@pytest.fixture
def member(tmp_path) -> Member:
    """Return a run whose three training cases look like `head` and have a tumour of 1.6 to 3.2 ml."""
    labels = [np.zeros(SHAPE, np.uint8) for _ in range(3)]
    for i, size in enumerate((5, 8, 10)):  # size · 10 · 4 voxels of 8 mm³
        labels[i][10 : 10 + size, 10:20, 6:10] = 2
    cases = [
        fingerprint_case({"flair": head().image[..., 0]}, spacing_mm=(2, 2, 2), labels=each) for each in labels
    ]
    run = Run(tmp_path / "run")
    write_json(run.fingerprint, fingerprint_cohort(cases, regions=("wt",)))
    return Member(run, "run", CONFIG, {})


USUAL = (slice(10, 18), slice(10, 20), slice(6, 10))  # 2.56 ml


def test_nothing_is_said_of_a_usual_case(member):
    judgement = judge(head(), found(*USUAL), [member])
    assert judgement.lines == [] and judgement.not_segmented_ml == 0


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (found(slice(0, 0)), ["no wt (training: 1.6 to 3.2 ml)"]),
        # The whole head: 64.5 ml; 3.1 ml (95th percentile) + 6.45 · 4/3 = 11.7 ml would be allowed.
        (
            found(slice(6, 34), slice(6, 30), slice(4, 16)),
            ["wt of 64.5 ml (training: 1.6 to 3.2 ml)", "what was found is 100 % of the head"],
        ),
        # 4 of 8 slabs lie outside of the head, which begins at 6.
        (found(slice(2, 10), slice(10, 20), slice(6, 10)), ["50 % of what was found lies in air"]),
        # The corners of the image: 3 of its 6 sides.
        (
            found(slice(0, 2), slice(0, 2), slice(0, 2)),
            ["100 % of what was found lies in air", "what was found touches 3 sides of the image"],
        ),
    ],
)
def test_answers_that_can_hardly_be(member, mask, expected):
    judgement = judge(head(), mask, [member])
    assert judgement.doubtful == expected and judgement.unlike_training == []
    assert judgement.lines == [f"doubtful: {line}" for line in expected]


def test_what_needs_no_training_is_said_of_runs_that_keep_nothing_of_it(tmp_path):
    old = Member(Run(tmp_path), "old", CONFIG, {})
    assert old.cohort is None and judge(head(), found(*USUAL), [old]).lines == []
    whole = judge(head(), found(slice(None)), [old])
    assert whole.unlike_training == [] and len(whole.doubtful) == 3  # too large, in air, at every side


def test_a_head_that_reaches_out_of_the_segmented_area(member):
    # The crop is 32 × 32 × 20 around the centre of 40 × 36 × 20: rows 4 to 35. A head from 10 to 38 loses two of 28.
    judgement = judge(head(start=10), found(*USUAL), [member])
    assert judgement.not_segmented_ml == pytest.approx(2 * 24 * 12 * 8 / 1000, abs=1e-3)
    assert not any("outside" in line for line in judgement.lines)  # 7 %: told in figures, not as a doubt
    settings = CONFIG.predict.model_copy(update={"area": "window"})
    window = Member(member.run, "run", CONFIG.model_copy(update={"predict": settings}), {})
    judgement = judge(head(), found(*USUAL), [window])
    # Rows 12 to 27 and columns 10 to 25 of 6 to 33 and 6 to 29: 16 of 28 and 16 of 24; 256 of 672, 62 % left out.
    assert judgement.doubtful == ["62 % of the head lies outside of the 16 × 16 × 20 voxels that are segmented"]


def test_volumetric_networks_segment_the_whole_head():
    config = Config.model_validate({"name": "v", "model": {"family": "nnunet"}})
    assert count_outside(np.ones(SHAPE, bool), config, spacing_mm=(1, 1, 1)) == 0


def test_every_voter_is_held_against_its_own_training(member, tmp_path):
    other, image = Run(tmp_path / "other"), {"flair": head().image[..., 0]}
    write_json(other.fingerprint, fingerprint_cohort([fingerprint_case(image, spacing_mm=(4, 4, 4))], regions=()))
    loaded = head()
    both = LoadedCase(np.concatenate([loaded.image, loaded.image], axis=-1), None, loaded.geometry)
    judgement = judge(both, found(*USUAL), [member, Member(other, "other", CONFIG, {})])
    # The second has voxels of twice the edge, an image of twice the extent and a head of eight times the volume.
    assert [line.split(" (")[0] for line in judgement.unlike_training] == [
        "voxels measure 2 × 2 × 2 mm",
        "the image covers 80 × 72 × 40 mm",
        "what is not 0, the head, has 65 ml, 28 % of the image",
    ]
