"""The tables of the reproduction of Giacomello 2020: every number beside the published one."""

import statistics

from segan_tl.papers.giacomello.paper import FIGURE_3, TABLE_1, TABLE_2, TABLE_3
from segan_tl.papers.giacomello.study import (
    CURVE_CASES,
    CURVE_SEEDS,
    CURVE_STRATEGIES,
    REGION,
    SCORES,
    SINGLE,
    SOURCE,
    STRATEGIES,
    TARGETS,
    Study,
    read_matrix,
)
from segan_tl.papers.runs import mean, mean_over, read_rows, read_scores
from segan_tl.papers.tables import ABSENT, Cell, Table, number, paired_difference
from segan_tl.runs import read_json

MODALITY_NAMES = {"t1": "T1", "t1c": "T1c", "t2": "T2", "flair": "FLAIR"}
VARIANT_NAMES = {"segan": "SegAN", "segan-no-dice": "SegAN without Dice loss", "segan-cat": "SegAN-CAT"}
STRATEGY_NAMES = {"scratch": "from scratch", "full": "full", "frozen": "segmentor only"}


# === The paper's tables ===


def table_1(study: Study) -> Table:
    """Return Table I: three networks on four modalities."""
    rows = []
    for variant, run in study.variants.items():
        cells = (Cell(mean(read_scores(run, score)), TABLE_1[variant].get(score)) for score in SCORES)
        rows.append((VARIANT_NAMES[variant], *cells))
    return Table(("model", *SCORES), rows)


def table_2(study: Study) -> Table:
    """Return Table II: SegAN-CAT on one modality."""
    rows = []
    for modality, published in TABLE_2.items():
        run = study.single(modality)
        scores = {score: mean(read_scores(run, score)) for score in SCORES}
        rows.append(
            (MODALITY_NAMES[modality], Cell(scores["dice"], published), Cell(scores["precision"]),
             Cell(scores["sensitivity"]))
        )  # fmt: skip
    return Table(("modality", *SCORES), rows)


def figure_3(study: Study) -> Table:
    """Return the numbers of Fig. 3: trained on down, applied to across."""
    cells = read_matrix(study)
    rows = [
        (MODALITY_NAMES[trained_on],)
        + tuple(Cell(mean(cells.get((trained_on, seen), {})), FIGURE_3[trained_on][seen]) for seen in SINGLE)
        for trained_on in SINGLE
    ]
    return Table(("trained on", *(f"on {MODALITY_NAMES[modality]}" for modality in SINGLE)), rows)


def table_3(study: Study) -> Table:
    """Return Table III: from FLAIR to the target, beside the target from scratch and FLAIR's model untouched."""
    rows = []
    for target in TARGETS:
        scratch = Cell(mean(read_scores(study.single(target))), TABLE_2[target])
        untouched = Cell(_untouched(study, target), FIGURE_3["flair"][target])
        for strategy in STRATEGIES:
            run, published = study.transfer(target, strategy), TABLE_3[target, strategy]
            cells = (Cell(mean(read_scores(run, score)), published[score]) for score in SCORES)
            rows.append((MODALITY_NAMES[target], STRATEGY_NAMES[strategy], *cells, scratch, untouched))
    headings = ("target", "fine tuning", *SCORES, "target from scratch: dice", "FLAIR's model untouched: dice")
    return Table(headings, rows)


def _untouched(study: Study, target: str) -> float | None:
    """Return the Dice of FLAIR's model on another modality: from the matrix, else from the transfers themselves."""
    if scores := read_matrix(study).get(("flair", target)):
        return mean(scores)
    for strategy in STRATEGIES:
        run = study.transfer(target, strategy)
        if run.comparison.is_file():
            return read_json(run.comparison)["regions"][REGION]["source"]
    return None


# === What the paper does not have ===


def votes_table(study: Study) -> Table:
    """Return the Dice by number of modalities available: mean over the subsets, the worst and the best of them."""
    found = {}
    for row in read_rows(study.matrix / "votes.csv", ("modalities", "rule", "region"), ("number", "dice")):
        if row["region"] == REGION:
            found.setdefault(int(row["number"]), {}).setdefault(row["rule"], []).append(
                (float(row["dice"]), row["modalities"])
            )
    rows = []
    for available, rules in sorted(found.items()):
        for rule, subsets in sorted(rules.items()):
            if available == 1 and rule != min(rules):
                continue  # a single model's vote is its own mask by either rule
            values = [dice for dice, _ in subsets]
            ends = tuple(f"{number(dice)} {names}" for dice, names in (max(subsets), min(subsets)))
            rule_name = "alone" if available == 1 else rule
            rows.append((str(available), rule_name, str(len(subsets)), number(statistics.fmean(values)), *ends))
    return Table(("modalities available", "vote", "subsets", "mean dice", "best subset", "worst subset"), rows)


def curve_scores(study: Study, curve: str) -> dict[tuple[int | None, str], dict[int, dict[str, float]]]:
    """Return (training cases, strategy) → seed → test case → Dice, finished runs only."""
    return {
        (cases, strategy): {
            seed: scores
            for seed in CURVE_SEEDS
            if (scores := read_scores(study.curve(cases, seed, strategy=strategy, curve=curve)))
        }
        for cases in CURVE_CASES
        for strategy in CURVE_STRATEGIES
    }


def curve_table(study: Study, curve: str) -> Table:
    """Return a learning curve: mean ± standard deviation over seeds, and what transfer adds to scratch."""
    scores = curve_scores(study, curve)
    rows = []
    for cases in CURVE_CASES:
        texts = [_spread([mean(found) for found in scores[cases, name].values()]) for name in CURVE_STRATEGIES]
        averaged = {name: mean_over(list(scores[cases, name].values())) for name in CURVE_STRATEGIES}
        gains = [paired_difference(averaged[name], averaged["scratch"]) for name in STRATEGIES]
        rows.append((cases_name(study, cases), *texts, *(str(gain) if gain else ABSENT for gain in gains)))
    headings = [STRATEGY_NAMES[name] for name in CURVE_STRATEGIES]
    gains = [f"{STRATEGY_NAMES[name]} − scratch" for name in STRATEGIES]
    return Table(("training cases", *headings, *gains), rows)


def curve_rows(study: Study) -> Table:
    """Return the learning curves, one row a run."""
    rows = [
        (curve, cases_name(study, cases), STRATEGY_NAMES[strategy], str(seed), number(mean(scores)))
        for curve in study.curves
        for (cases, strategy), found in curve_scores(study, curve).items()
        for seed, scores in found.items()
    ]
    return Table(("curve", "training cases", "start", "seed", "dice"), rows)


def cases_name(study: Study, cases: int | None) -> str:
    """Return how a number of training cases is called: "8", or "all (219)" where it is known."""
    if cases is not None:
        return str(cases)
    splits = study.single(SOURCE).splits
    return f"all ({len(read_json(splits)['train'])})" if splits.is_file() else "all"


def _spread(values: list[float]) -> str:
    if len(values) < 2:
        return f"{number(values[0])} (one seed)" if values else ABSENT
    few = "" if len(values) == len(CURVE_SEEDS) else f" ({len(values)} seeds)"
    return f"{statistics.fmean(values):.3f} ± {statistics.stdev(values):.3f}{few}"
