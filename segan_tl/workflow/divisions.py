"""Who trains, validates and tests in a learning curve: a file a division, and what to type where too few can train."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from segan_tl.workflow.arguments import preparation_jobs
from segan_tl.workflow.curve import Curve

LARGEST_SHARE = 0.9999  # of the patients who train, before those without whom nobody would validate or test are taken


def divide_patients(arguments, config, curve: Curve, out: Path, *, most: int) -> None:
    """Prepare the cohort once and write who trains, validates and tests, a file a division; hold to those there are.

    Args:
        arguments: of the command.
        most: training cases that the curve wants; 0 for as many as there are.

    Raises:
        UserError: cases that cannot be used, or fewer training cases than the curve wants.
    """
    from segan_tl.data.splits import split_cases
    from segan_tl.disk.ownership import mark, refuse_foreign
    from segan_tl.workflow.cohort import find_cohort, prepare
    from segan_tl.workflow.curve_results import WRITTEN
    from segan_tl.workflow.splits import keep_division

    where = argparse.Namespace(
        data=arguments.data, patients=arguments.patients, cache=arguments.cache, jobs=preparation_jobs(),
        skip_bad_cases=arguments.skip_bad_cases,
    )  # fmt: skip
    cohort = find_cohort(where, config)
    cached = prepare(where, config, cohort)
    drawn = [] if arguments.split else [path.name for path in curve.divisions]
    refuse_foreign(out, "page", [*drawn, *WRITTEN], remedy="give another --out")
    mark(out, "page")
    sound = [case for case in cohort.cases if case.id in cached]
    # What was drawn here has no bad cases, unless one went bad since: cells of before were tested on it, too.
    skip = arguments.skip_bad_cases and not drawn
    counts = {}
    for number, path in enumerate(curve.divisions):
        split = keep_division(
            path, cohort, cached, draw=lambda seed=number: split_cases(sound, config.data.split, seed=seed), skip=skip
        )
        counts[path] = len(split["train"])
    require_training(counts, most, sound, share=None if arguments.split else config.data.split[0])


def require_training(counts: dict[Path, int], most: int, cases: Sequence, *, share: float | None) -> None:
    """Refuse a number of training cases that a division does not have, and say how many there can be.

    Args:
        counts: file of a division → how many cases train in it.
        most: how many are to train.
        cases: those that are divided.
        share: of the patients who train now, 0 to 1; None where files say who does.

    Raises:
        UserError: there are not so many.
    """
    from segan_tl.errors import UserError

    path, least = min(counts.items(), key=lambda item: item[1])
    if most <= least:
        return
    found = f"--cases {most}: {least} of {len(cases)} cases train in {path}"
    if share is None:
        raise UserError(f"{found}; choose at most {least}, or give another --split")
    split, count = split_that_trains(cases, most, seeds=range(len(counts)))
    remedy = f"--set 'data.split=[{split[0]:g},{split[1]:g},{split[2]:g}]' and another --out"
    if count >= most:
        raise UserError(f"{found}; choose at most {least}, or let {count} train with {remedy}")
    found += ", and all of them cannot" if most >= len(cases) else f", and {most} cannot"
    more = f", or at most {count} with {remedy}" if count > least else ""
    raise UserError(f"{found}, for some must validate and some test; choose at most {least}{more}")


def split_that_trains(cases: Sequence, wanted: int, *, seeds: Sequence[int]) -> tuple[tuple[float, ...], int]:
    """Return the parts of training, validation and test that let so many cases train, or as many as can; and how many.

    Of the shares that do the roundest is taken, of equally round ones the smallest; those beside them validate and
    test, half and half.

    Args:
        cases: those that are divided.
        wanted: how many are to train.
        seeds: of the divisions, each of which is to have so many.
    """
    from segan_tl.data.splits import split_cases

    def divided(share: float) -> tuple[tuple[float, ...], int]:
        split = (share, round((1 - share) / 2, 6), round((1 - share) / 2, 6))
        return split, min(len(split_cases(cases, split, seed=seed)["train"]) for seed in seeds)

    everybody = divided(LARGEST_SHARE)
    wanted = min(wanted, everybody[1])
    shares = (k / steps for steps in (20, 100, 1000) for k in range(1, steps))
    return next((found for found in map(divided, shares) if found[1] >= wanted), everybody)
