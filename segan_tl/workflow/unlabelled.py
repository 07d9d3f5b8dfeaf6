"""Cases without a mask: an adversary that does without the target's labels learns from them too."""

from collections.abc import Callable
from dataclasses import replace


def needs_masks(config) -> bool:
    """Return whether a case of the first cohort without a mask is a bad case."""
    adversary = getattr(config, "adversary", None)
    return adversary is None or adversary.target_labels


def divide(cohort, cached: dict, choose: Callable) -> dict[str, list[str]]:
    """Split the cases that have a mask; those without one train, as they can neither validate nor test.

    Left out is a case without a mask whose patient validates or tests with another one.

    Args:
        cohort: of all cases.
        cached: case id → prepared case, of the sound ones.
        choose: (cohort, cached) → part → case ids.

    Raises:
        UserError: that of `choose`; it says how many cases have no mask.
    """
    from segan_tl.data.learnt import Learnt
    from segan_tl.errors import UserError

    others = _without_mask(cohort, cached)
    if not others:
        return choose(cohort, cached)
    # Bad cases, which nobody chooses, stay: a split that is taken over tells them from those that are not here.
    labelled = tuple(case for case in cohort.cases if case.mask is not None or case.id not in cached)
    labelled = replace(cohort, cases=labelled)
    try:
        split = choose(labelled, cached)
    except UserError as error:
        raise UserError(f"{error}; {len(others)} more cases have no mask and can neither validate nor test") from None
    patients = cohort.patients
    judged = Learnt.of({case: patients[case] for case in (*split["validation"], *split["test"])})
    left_out = judged.seen({case: patients[case] for case in others})
    return split | {"train": sorted({*split["train"], *others} - set(left_out))}


def remark(cohort, cached: dict, split: dict) -> str | None:
    """Return how many of the cases that train have no mask; None where all have one."""
    others = _without_mask(cohort, cached)
    if not others:
        return None
    training = set(others) & set(split["train"])
    left = f"; {len(others) - len(training)} more are left out" if len(others) > len(training) else ""
    return f"{len(training)} training cases have no mask: the classifier of the cohorts alone learns from them{left}"


def _without_mask(cohort, cached: dict) -> list[str]:
    return [case.id for case in cohort.cases if case.mask is None and case.id in cached]
