"""What `evaluate` computes: regions, definitions and rules, as far as both sides' labels can tell."""

from dataclasses import replace

from segan_tl.errors import UserError
from segan_tl.metrics.challenges import CHALLENGES

HD95 = ("surface-weighted", "pooled", "maximum-of-directed")


def choose_plan(arguments, truths: dict, predictions: dict, name: str | None):
    """Decide on the scores, and on the regions: those asked for, the challenge's, or all that both sides can tell."""
    from segan_tl.metrics.columns import Plan
    from segan_tl.report.score.masks import common_regions
    from segan_tl.regions import scored_values

    possible = common_regions(truths, predictions, values=scored_values)
    usual = common_regions(truths, predictions) if name is None else _challenge_regions(name, possible)
    words = [word.strip().lower() for word in arguments.regions.split(",")] if arguments.regions else usual
    wanted = list(dict.fromkeys(words))
    impossible = [region for region in wanted if region not in possible]
    if impossible or not wanted:
        meanings = sorted({mask.meaning for mask in (*truths.values(), *predictions.values())})
        raise UserError(
            f"expected regions that truth and prediction can both tell apart by their labels {' and '.join(meanings)} "
            f"({', '.join(possible) or 'there are none'}); found {', '.join(impossible) or 'none'}; correct --regions, "
            "--truth-labels or --prediction-labels"
        )
    plan = Plan(tuple(wanted), challenge=name)
    # What the rules of 2026 measure themselves takes no surfels: others are computed where they are asked for.
    definition = arguments.hd95 or ("pooled" if plan.matches else HD95[0])
    hd95 = HD95 if definition == "all" else (definition,)
    unasked = plan.matches and arguments.tolerance_mm is None
    tolerances = () if unasked else tolerances_mm(arguments.tolerance_mm)
    return replace(
        plan, hd95=hd95, tolerances_mm=tolerances, upstream_defects=arguments.upstream_defects and plan.matches
    )


def _challenge_regions(name: str, possible: tuple[str, ...]) -> list[str]:
    """Return the challenge's regions that both sides can tell apart."""
    regions = CHALLENGES[name].regions
    found = [region for region in regions if region in possible]
    # Where a mask does not tell cystic components apart, its non-enhancing core holds them.
    return [region for region in found if region != "netc" or "cc" not in regions or "cc" in found]


def tolerances_mm(text: str | None) -> tuple[float, ...]:
    """Return the tolerances of surface Dice; None is the usual one.

    Raises:
        UserError: one is no number of 0 or more.
    """
    try:
        found = [float(word) for word in (text or "1").split(",")]
    except ValueError:
        found = [-1.0]
    if not all(0 <= value < float("inf") for value in found):
        raise UserError(f"expected --tolerance-mm as numbers of 0 or more, such as 0.5,1; found {text}; 1 is usual")
    return tuple(dict.fromkeys(found))
