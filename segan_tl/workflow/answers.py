"""Answers of networks about cases with a truth: segmented and scored, for `second-look` to learn from."""

from collections.abc import Iterator

from segan_tl.errors import CannotWrite, UserError
from segan_tl.workflow.second_look import Plan


def score_plan(plan: Plan, *, skip: bool) -> list:
    """Segment every case; return a `learn.Scored` for each that could be read.

    Raises:
        UserError: a case cannot be used, and may not be left out.
    """
    from segan_tl.console import case_progress, console, start_tensorflow

    if not all(member.artefact for member in plan.members):
        start_tensorflow()
    scored = []
    with case_progress("segmenting", total=len(plan.cases)) as advance:
        for case, found in _scored(plan):
            if isinstance(found, CannotWrite):
                raise found
            if isinstance(found, UserError):
                if not skip:
                    raise UserError(f"{found}; --skip-bad-cases goes on without it") from found
                console.print(f"{case.id}  left out: {found}", style="yellow", soft_wrap=True)
                continue
            scored.append(found)
            advance(f"{case.id}  Dice {found.dice:.3f}")
    return scored


def _scored(plan: Plan) -> Iterator[tuple]:
    """Yield each case with its `learn.Scored`, or with what is wrong with it."""
    from segan_tl.predict.ensemble import segment_together
    from segan_tl.predict.voters import segment_each

    rule = None if plan.together == "alone" else plan.together
    for members, ensemble, cases in plan.sittings:
        if ensemble is None:
            yield from segment_each(members, cases, rule=rule, compared=True, then=_score)
        else:
            asked = {"shared": False, "advance": lambda _: None, "then": _score}
            yield from segment_together(ensemble, cases, plan.out.parent, **asked)


def _score(case, found):
    """Return the signs of a segmented case and the mean Dice over its regions, as `predict` would write it.

    Raises:
        UserError: its label map cannot be read.
    """
    import numpy as np

    from segan_tl.metrics.overlap import dice
    from segan_tl.predict.labels import label_scheme, paint_labels, painted_masks
    from segan_tl.predict.signs import signs_of
    from segan_tl.regions import region_masks
    from segan_tl.report.review.learn import Scored

    regions = found.voters[0].config.data.regions
    if found.loaded.labels is None:
        raise UserError(f"the label map of case {case.id} cannot be read; look at it with python -m segan_tl check")
    scheme = label_scheme(regions, case.convention)
    masks = painted_masks(paint_labels(found.prediction, regions, scheme), regions, scheme)
    truth = region_masks(found.loaded.labels, regions)
    scores = [dice(truth[..., i], masks[..., i]) for i in range(len(regions))]
    return Scored(case.id, case.patient, found.signs or signs_of(found), float(np.mean(scores)))
