"""What signs say of the Dice: by hand, by closed form, and never of the patient that was learnt from."""

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.predict.reviewer import FARTHEST
from segan_tl.predict.signs import SIGNS
from segan_tl.report.review.learn import (
    Scored,
    apply_weights,
    choose_signs,
    describe,
    error_within,
    fit,
    foresee,
    judge_foresight,
    require_patients,
)
from segan_tl.schemas.reading import check
from segan_tl.schemas.review import Review


def cases_of(signs, dice, *, patients=None):
    """Return cases whose signs stand in the columns of an array."""
    signs = np.asarray(signs, float)
    names = SIGNS[: signs.shape[1]]
    rows = [
        {name: None if np.isnan(value) else value for name, value in zip(names, row)}
        for row in signs.tolist()
    ]
    whose = patients or [f"p{place}" for place in range(len(rows))]
    return [Scored(f"c{i}", whose[i], row, float(dice[i])) for i, row in enumerate(rows)]


def random_cases(count, *, seed=0, told=True):
    """Return cases with two signs, of which the Dice hangs on the first, or on none."""
    random = np.random.default_rng(seed)
    signs = random.normal(size=(count, 2))
    dice = 0.6 - 0.1 * signs[:, 0] * told + 0.03 * random.normal(size=count)
    return cases_of(signs, np.clip(dice, 0, 1))


def test_one_sign_by_hand():
    # z = -1, -1, 1, 1; Σ z · (dice - 0.6) = -0.4; Σ z² + 1 = 5: a weight of -0.08, where least squares had -0.1.
    weights = fit(cases_of([[0], [0], [2], [2]], [0.7, 0.7, 0.5, 0.5]), SIGNS[:1])
    assert weights.mean_dice == pytest.approx(0.6) and weights.means == pytest.approx([1])
    assert weights.stds == pytest.approx([1]) and weights.weights == pytest.approx([-0.08])
    assert weights.predict({SIGNS[0]: 2}) == pytest.approx(0.52) and weights.predict({SIGNS[0]: None}) == 0.6


def test_a_sign_that_speaks_for_an_answer_has_no_say():
    weights = fit(cases_of([[0], [0], [2], [2]], [0.5, 0.5, 0.7, 0.7]), SIGNS[:1])
    assert weights.weights.tolist() == [0] and weights.predict({SIGNS[0]: -50}) == pytest.approx(0.6)


def test_closed_form():
    # w = (ZᵀZ + I)⁻¹ Zᵀ (dice - mean), where no weight comes out above 0.
    random = np.random.default_rng(3)
    signs = random.normal(size=(40, 3)) @ random.normal(size=(3, 3))
    z = (signs - signs.mean(axis=0)) / signs.std(axis=0)
    dice = 0.6 - z @ [0.05, 0.02, 0.04] + 0.01 * random.normal(size=40)
    assert np.abs(z).max() < FARTHEST and 0 < dice.min() < dice.max() < 1
    expected = np.linalg.solve(z.T @ z + np.eye(3), z.T @ (dice - dice.mean()))
    assert expected.max() < 0
    assert fit(cases_of(signs, dice), SIGNS[:3]).weights == pytest.approx(expected, abs=1e-6)


def test_what_tells_nothing_is_left_out():
    signs = np.column_stack([np.arange(6.0), np.full(6, 0.3), np.full(6, np.nan)])
    weights = fit(cases_of(signs, np.linspace(0.9, 0.4, 6)), SIGNS[:3])
    assert weights.names == SIGNS[:1]
    assert fit(cases_of(np.full((6, 1), 0.3), np.linspace(0.9, 0.4, 6)), SIGNS[:1]).predict({}) == pytest.approx(0.65)


def test_a_sign_that_one_case_lacks_is_usual_there():
    signs = np.array([[0], [0], [2], [2], [np.nan]])
    weights = fit(cases_of(signs, [0.7, 0.7, 0.5, 0.5, 0.6]), SIGNS[:1])
    assert weights.means == pytest.approx([1]) and weights.weights == pytest.approx([-0.08])


def test_no_patient_foresees_himself():
    cases = random_cases(12)
    cases[3] = cases[3]._replace(patient="p2")  # two scans of one
    predicted, guessed, told = foresee(cases, SIGNS[:2])
    for place, case in enumerate(cases):
        others = [other for other in cases if other.patient != case.patient]
        assert len(others) == (10 if place in (2, 3) else 11)
        assert predicted[place] == fit(others, SIGNS[:2]).predict(case.signs)
        assert guessed[place] == pytest.approx(np.mean([other.dice for other in others]))
        assert predicted[place] == pytest.approx(guessed[place] + told[place])


def test_a_changed_truth_changes_nothing_of_what_is_foreseen_of_it():
    cases = random_cases(12)
    before = foresee(cases, SIGNS[:2])
    cases[4] = cases[4]._replace(dice=0.0)
    for earlier, later in zip(before, foresee(cases, SIGNS[:2])):
        assert earlier[4] == later[4]


def test_what_is_told_and_what_is_not():
    cases = random_cases(60)
    told = judge_foresight(cases, foresee(cases, SIGNS[:2]))
    assert told.spearman > 0.9 and told.mae < 0.4 * told.guess_mae and told.area < 0.93 * told.blind_area
    cases = random_cases(60, told=False)
    untold = judge_foresight(cases, foresee(cases, SIGNS[:2]))
    assert untold.mae > 0.95 * untold.guess_mae and abs(untold.spearman or 0) < 0.3


def test_a_sign_that_tells_nothing_is_worth_chance_and_no_less():
    """Guessing the mean of the others ranks them the wrong way round: theirs is lowest for the best."""
    cases = cases_of([[0], [1], [0], [1]], [0.3, 0.5, 0.5, 0.7])  # more of it where the Dice is better
    foreseen = foresee(cases, SIGNS[:1])
    assert foreseen.guessed == pytest.approx([1.7 / 3, 0.5, 0.5, 1.3 / 3]) and foreseen.told.tolist() == [0] * 4
    quality = judge_foresight(cases, foreseen)
    assert quality.spearman is None and quality.area == pytest.approx(quality.blind_area)
    assert (quality.caught, quality.failures) == (0.75, 3)  # one of four is looked at, three failed


def test_what_was_learnt_elsewhere_is_applied():
    weights = fit(cases_of([[0], [0], [2], [2]], [0.7, 0.7, 0.5, 0.5]), SIGNS[:1])
    found = apply_weights(weights, cases_of([[2], [1]], [0.1, 0.2]))
    assert found.predicted == pytest.approx([0.52, 0.6]) and found.guessed == pytest.approx([0.6, 0.6])
    assert found.told == pytest.approx([-0.08, 0])


@pytest.mark.parametrize(("count", "expected"), [(5, SIGNS[:1]), (9, SIGNS[:1]), (10, SIGNS)])
def test_few_patients_have_one_sign(count, expected):
    assert choose_signs(random_cases(count)) == expected


def test_too_few_patients_and_a_case_twice():
    with pytest.raises(UserError, match="expected at least 5 patients to learn a second look from; found 4"):
        require_patients(list("aabcd"), list("vwxyz"))
    with pytest.raises(UserError, match="expected every case once; found x twice"):
        require_patients(list("abcde"), list("xxyzw"))


def test_the_error_of_nine_in_ten():
    # ⌈0.9 · (9 + 1)⌉ = 9: the largest of nine; ⌈0.9 · 9⌉ = 9 of eight is none: 1. Of 19 the 18th.
    errors = np.arange(1, 20) / 100
    assert error_within(np.full(9, 0.5), 0.5 + errors[:9]) == pytest.approx(0.09)
    assert error_within(np.full(8, 0.5), 0.5 + errors[:8]) == 1
    assert error_within(np.full(19, 0.5), 0.5 - errors) == pytest.approx(0.18)


def test_what_is_written_is_of_the_shape_that_is_read():
    cases = random_cases(12)
    foreseen = foresee(cases, SIGNS[:2])
    predicted, quality = foreseen.predicted, judge_foresight(cases, foreseen)
    about = {"networks_sha256": ["0" * 64], "together": "alone", "regions": ["wt"]}
    written = about | describe(cases, fit(cases, SIGNS[:2]), predicted, quality)
    check(written, Review, where="review.json")
    assert written["cases"]["c4"]["predicted_dice"] == predicted[4] and written["quality"]["cases"] == 12
