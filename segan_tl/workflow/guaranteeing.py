"""What `guarantee` does: score patients that calibrate, promise, and hold promises against another cohort."""

from collections.abc import Mapping
from math import ceil, exp, floor, log10
from pathlib import Path
from typing import NamedTuple

from segan_tl.console import case_progress, console, print_table
from segan_tl.errors import UserError, some
from segan_tl.schemas.trust import KINDS

MOST = 0.9995  # is printed as 1
DOUBTED = 0.05  # of the probability that two cohorts differ so much by chance


class Beside(NamedTuple):
    """Patients of another cohort that help to calibrate, and what one of the cohort at hand weighs beside them."""

    patients: Mapping
    weight: float


def score_judged(parts) -> tuple[dict, dict]:
    """Score the cases of several runs; return patient → region → scores, and run number → sha256 of its network.

    Args:
        parts: number → `judged.Judged`.

    Raises:
        UserError: a case cannot be used, or a checkpoint is damaged.
    """
    from segan_tl.predict.network import as_network
    from segan_tl.predict.segment import load_member
    from segan_tl.report.score.guarantee import join_scans, score_case

    scans, digests = [], {}
    with case_progress("segmenting", total=sum(len(part.cases) for part in parts.values())) as advance:
        for number, part in parts.items():
            model, digests[number] = load_member(part.member)
            network = as_network(model)
            for case in part.cases:
                scans.append((case.patient, score_case(network, part.member, case)))
                advance(f"{case.id}  {_shortly(scans[-1][1])}")
    return join_scans(scans), digests


def _shortly(scores: Mapping) -> str:
    return ", ".join(f"{region} volume × {exp(-one.log_error):.2f}" for region, one in scores.items())


def make_guarantee(patients: Mapping, regions, alpha: float, *, source: str, beside: Beside | None = None) -> dict:
    """Return what guarantee.json holds but for the network.

    Args:
        patients: that calibrate, with their scores.
        source: what they are.
        beside: those of another cohort, None for none.
    """
    from segan_tl import __version__
    from segan_tl.metrics.conformal import patients_needed, share_of_strangers
    from segan_tl.report.score.guarantee import DIGITS, THRESHOLDS, promise, to_json

    every, weights, own = dict(patients), None, 1.0
    about = {"alpha": alpha, "patients": len(patients), "patients_needed": patients_needed(alpha), "source": source}
    if beside is not None:
        strangers = {name: scores for name, scores in beside.patients.items() if name not in patients}
        every, own = strangers | every, beside.weight
        weights = {name: 1.0 if name in strangers else own for name in every}
        off = share_of_strangers(list(weights.values()), [name in strangers for name in every], own=own)
        about |= {"patients": len(every), "of_another_cohort": len(strangers), "weight": own}
        about["promise_may_be_off_by"] = round(off, DIGITS)
    about |= {"regions": promise(every, regions, alpha, weights=weights, own=own)}
    return about | {"thresholds": list(THRESHOLDS), "scores": to_json(every), "segan_tl": __version__}


def read_guarantee(path: Path, digest: str, config) -> tuple[dict, dict]:
    """Return a guarantee.json, and its patients with their scores.

    Raises:
        UserError: it is missing or damaged, of another network, or holds no patients at our thresholds.
    """
    from segan_tl.predict.promise import promise_of
    from segan_tl.report.score.guarantee import THRESHOLDS, from_json
    from segan_tl.schemas.reading import read_json
    from segan_tl.schemas.trust import Guarantee

    found = read_json(path, Guarantee)
    promise_of(found, digest, config, where=path)
    if not found.get("scores") or found["thresholds"] != list(THRESHOLDS):
        raise UserError(
            f"{path} holds no patients at the thresholds of this version; make it again with python -m segan_tl "
            "guarantee"
        )
    return found, from_json(found)


# === Tell ===


def print_guarantee(about: Mapping) -> None:
    """Print what is promised, or first of all that nothing is, and why."""
    needed, count, alpha = about["patients_needed"], about["patients"], about["alpha"]
    if few := count < needed and not _promises(about):
        there = f"there {'is' if count == 1 else 'are'} {count}"
        console.print(
            f"the guarantee is empty: alpha {alpha:g} takes {needed} patients at least, {there}; add patients, or ask "
            f"for --alpha {_least_alpha(about):.3g} or more; it is written down, so that predict says so, too, and its "
            "patients can stand --beside others",
            soft_wrap=True,
        )
    else:
        these = "this one" if count == 1 else f"these {count}"
        promised = "promised" if _promises(about) else "nothing is promised"
        title = f"{promised} for new patients like {these} ({about['source']}), on average; alpha {alpha:g}"
        console.print(title, soft_wrap=True)
        print_table(_promised_table(about["regions"]))
        console.print(
            "missed, false: shares of a tumour's volume; volume: the true one lies within, in "
            f"{1 - alpha:.0%} of patients", soft_wrap=True,
        )  # fmt: skip
    for region, kind in () if few else _empty(about):
        console.print(f"{region}: at no threshold is the share that is {kind} below alpha; ask for a larger --alpha")
    if "weight" in about:
        console.print(
            f"{about['of_another_cohort']} patients of the other cohort weigh {about['promise_may_be_off_by']:.3f} of "
            "all: by as much times the distance between the cohorts (total variation, 0 to 1) may shares and intervals "
            f"be off alpha, at worst {min(1, alpha + about['promise_may_be_off_by']):.3f}",
            soft_wrap=True,
        )


def _promises(about: Mapping) -> bool:
    """Return whether anything is promised of any region."""
    return any(
        one["volume"]["reach"] is not None or any(one[kind]["threshold"] is not None for kind in KINDS)
        for one in about["regions"].values()
    )


def _least_alpha(about: Mapping) -> float:
    """Return the alpha at which so many patients promise something if they lose nothing; three digits, upwards."""
    from segan_tl.metrics.conformal import ROUNDING

    own, strangers = about.get("weight", 1.0), about.get("of_another_cohort", 0)
    exact = own / ((about["patients"] - strangers) * own + strangers + own)
    digit = 10.0 ** (floor(log10(exact)) - 2)
    return ceil(exact / digit - ROUNDING) * digit


def _promised_table(regions: Mapping):
    """Return three rows a region, at most 80 columns wide: what is missed, what is false, and the volume."""
    from rich.table import Table

    table = Table()
    for heading in ("region", "what", "threshold", "at most", "at that price"):
        table.add_column(heading, justify="left" if heading in ("region", "what") else "right")
    for region, promised in regions.items():
        for kind, other in zip(KINDS, reversed(KINDS)):
            cells = [promised[kind][name] for name in ("threshold", "bound", "price")]
            texts = ["–"] * 3
            if cells[0] is not None:
                texts = [f"{cells[0]:.4g}", f"{cells[1]:.3f}", f"{_price(cells[2])} {other}"]
            table.add_row(region, kind, *texts)
        reach = promised["volume"]["reach"]
        width = "–" if reach is None else f"× {exp(-reach):.3g} to × {exp(reach):.3g}"
        table.add_row(region, "volume", "", width, "")
    return table


def _price(share: float) -> str:
    """Return the other share in words; what is false counts up to the volume of the tumour, and no further."""
    return "1.000 or more" if share >= MOST else f"{share:.3f}"


def kept_kinds(about: Mapping) -> list[str]:
    """Return the kinds of which every region has a threshold, so that predict can make masks of them."""
    return [kind for kind in KINDS if all(one[kind]["threshold"] is not None for one in about["regions"].values())]


def _empty(about: Mapping) -> list[tuple[str, str]]:
    """Return region and kind of the shares that no threshold keeps below alpha."""
    promised = about["regions"].items()
    return [(region, kind) for region, one in promised for kind in KINDS if one[kind]["threshold"] is None]


def check_guarantee(found: Mapping, calibrating: Mapping, patients: Mapping, *, place: str) -> None:
    """Print what became of a promise in other patients, and whether these could be of the cohort that calibrated it.

    Args:
        found: the guarantee.json.
        calibrating, patients: patient → region → scores, of the cohort of the guarantee and of the other one.
        place: where the latter are.
    """
    from rich.table import Table

    from segan_tl.metrics.conformal import differences
    from segan_tl.report.score.guarantee import hold_promise, kinds_of_scores

    if both := sorted({*calibrating} & {*patients}):
        raise UserError(
            f"expected other patients than those of the guarantee in {place}; {some(both)} calibrated it; take them out"
        )
    regions = list(found["regions"])
    table = Table()
    for heading in ("region", "missed", "false", "volumes in their interval"):
        table.add_column(heading, justify="left" if heading == "region" else "right")
    for region, held in hold_promise(found["regions"], patients).items():
        table.add_row(region, *("–" if held[name] is None else f"{held[name]:.3f}" for name in (*KINDS, "covered")))
    others = f"{len(patients)} patient{'s' * (len(patients) > 1)}"
    console.print(f"what became of it in {others} of {place}", soft_wrap=True)
    print_table(table)
    console.print(f"promised: at most {found['alpha']:g} missed or false, {1 - found['alpha']:g} of volumes in theirs")
    chances = differences(*(kinds_of_scores(some_of, regions) for some_of in (calibrating, patients)))
    for name, chance in chances.items():
        console.print(f"  {name}: p = {chance:.3g}")
    worst = min(chances, key=chances.get)
    if chances[worst] < DOUBTED:
        console.print(
            f"warning: {place} is not like the patients that calibrated it ({worst}, p = {chances[worst]:.3g}): "
            "nothing of the guarantee holds there; make another with patients of that place (--data DIR --out FILE)",
            style="yellow", soft_wrap=True,
        )  # fmt: skip
    else:
        console.print(
            f"no difference is seen between {len(calibrating)} and {others}, which does not say that "
            "there is none",
            soft_wrap=True,
        )
