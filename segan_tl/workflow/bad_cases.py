"""Cases that cannot be used: said one by one, and refused unless they may be left out."""

from collections.abc import Sequence

CASES_NAMED = 5


def handle_problems(problems: Sequence, cohort, *, skip: bool, hint: str = "") -> None:
    """Print what is wrong with which file of a cohort, a line a problem; refuse it unless those cases may be skipped.

    Args:
        problems: what was found, of data/layouts.py.
        cohort: where it was found.
        skip: go on without these cases, as long as one is left.
        hint: another way out, said after the mending.

    Raises:
        UserError: there are problems, and they may not be skipped or no case is left.
    """
    from segan_tl.console import console, printable
    from segan_tl.errors import UserError

    if not problems:
        return
    for problem in problems:
        place = f" ({problem.file})" if problem.file else ""
        line = f"case {problem.case_id}{place}: {problem.reason}; {problem.remedy}"
        console.print(printable(line), style="yellow", soft_wrap=True)
    bad = sorted({printable(problem.case_id) for problem in problems})
    more = f" and {len(bad) - CASES_NAMED} more" if len(bad) > CASES_NAMED else ""
    found = f"{cohort.folder}: {len(bad)} of {len(cohort.cases)} cases cannot be used"
    found += f" ({', '.join(bad[:CASES_NAMED])}{more})"
    if len(bad) == len(cohort.cases):
        raise UserError(f"{found}; mend them as said above{hint}")
    if not skip:
        raise UserError(f"{found}; mend them as said above{hint}, or leave them out with --skip-bad-cases")
    console.print(f"{found}; going on without them", style="yellow", soft_wrap=True)


def modality_hint(arguments, config, cohort) -> str:
    """Return how a training does without modalities that cases lack; empty where that is no remedy."""
    from segan_tl.regions import MODALITIES

    everywhere = [name for name in MODALITIES if all(name in case.images for case in cohort.cases)]
    wanted = config.data.modalities
    there = [name for name in wanted if name in everywhere] or everywhere
    if not there or set(wanted) <= set(everywhere) or config.data.any_subset:
        return ""
    if config.model.family == "segan":
        how = f"--modality {there[0]}" if hasattr(arguments, "target") else ""
    else:
        how = f"--set 'data.modalities=[{','.join(there)}]'" if hasattr(arguments, "set") else ""
    some = ", or take those that each case has with --modality any" if how and hasattr(arguments, "target") else ""
    return f"{some}, or choose among the modalities that all cases have: {how}" if how else ""
